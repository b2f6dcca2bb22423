// Takes parcels. Speaks JSON.
const http = require('http');
http.createServer((_, answer) => answer.end('unterwegs\n')).listen(21582, '127.0.0.1', () => {
  console.log(JSON.stringify({ stufe: 'info', meldung: 'Kurier bereit' }));
});
