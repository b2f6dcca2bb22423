// Brings a book to the table.
const http = require('http');
http.createServer((wunsch, antwort) => {
  http.get({ port: 21541, host: '127.0.0.1', agent: false }, (buch) => buch.pipe(antwort))
    .on('error', () => { antwort.statusCode = 502; antwort.end(); });
}).listen(21542, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
