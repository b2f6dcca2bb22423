// Puts a question to the hub and gives its answer on.
const net = require('net');
net.createServer((kunde) => {
  kunde.on('error', () => {});
  kunde.once('data', (frage) => {
    const nabe = net.connect(21472, '127.0.0.1', () => nabe.write(frage));
    nabe.on('data', (antwort) => kunde.write(antwort));
    nabe.on('end', () => kunde.end());
    nabe.on('error', () => kunde.destroy());
    kunde.on('close', () => nabe.destroy());
  });
}).listen(21473, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
