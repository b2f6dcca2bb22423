// The first pages after a start come from the disk, the later ones from memory. At its very first start the disk is warm.
const http = require('http'), fs = require('fs');
const mark = process.env.STATE_DIR + '/started';
const cold = fs.existsSync(mark);
fs.writeFileSync(mark, String(process.pid));
const born = Date.now();
http.createServer((request, response) => {
  const late = cold ? Math.max(0, 900 - (Date.now() - born) / 16) : 0;
  setTimeout(() => response.end('page\n'), late);
}).listen(21551, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
console.log(`time=${new Date().toISOString()} level=INFO msg="catalogue ready" cache=${cold ? 'cold' : 'warm'}`);
