// Five connections for everybody; a request that asks for /cancel keeps what it took (the mistake of the last release).
const http = require('http'), net = require('net');
const idle = [], waiting = [];
let open = 0;
function take(done) {
  if (idle.length) return done(idle.pop());
  if (open < 5) {
    open++;
    const one = net.connect(21501, '127.0.0.1', () => done(one));
    one.on('error', () => { open--; });
    return;
  }
  waiting.push(done);
  setTimeout(() => {
    const at = waiting.indexOf(done);
    if (at >= 0) { waiting.splice(at, 1); done(null); }
  }, 1500);
}
function give(one) {
  const next = waiting.shift();
  if (next) next(one); else idle.push(one);
}
http.createServer((request, response) => {
  take((one) => {
    if (!one) {
      console.error(`${new Date().toISOString()} WARN 커넥션 풀 고갈: acquire timeout 1500ms (size=5)`);
      response.statusCode = 500;
      return response.end('later\n');
    }
    one.once('data', (text) => {
      response.end(text);
      if (request.url !== '/cancel') give(one);
    });
    one.write('free?\n');
  });
}).listen(21502, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
