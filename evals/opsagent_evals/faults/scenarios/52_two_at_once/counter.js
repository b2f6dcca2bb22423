// At the counter a letter is sent, and gets its label.
const http = require('http'), net = require('net');
http.createServer((request, response) => {
  if (request.url === '/') return response.end('open\n');
  const mail = net.connect(21521, '127.0.0.1', () => mail.write('letter\n'));
  mail.on('error', () => response.destroy());
  mail.once('data', () => {
    mail.destroy();
    http.get({ port: 21522, host: '127.0.0.1', path: '/', agent: false }, (label) => label.pipe(response))
      .on('error', () => response.destroy());
  });
}).listen(21523, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
