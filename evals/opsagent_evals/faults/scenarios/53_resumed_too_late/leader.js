// Serves while it holds its lease, which it takes at its start and renews four times a second.
const http = require('http');
let renewed = Date.now(), held = true;
setInterval(() => {
  if (Date.now() - renewed > 2000) {
    if (held) process.stderr.write('<3>leader: リース切れ、応答を停止します\n');
    held = false;                                // somebody else may lead by now
  }
  renewed = Date.now();
}, 250);
http.createServer((request, response) => {
  if (held) response.end('led\n');               // else nobody is answered, and nobody is turned away
}).listen(21530, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
