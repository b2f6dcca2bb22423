// Reads what it sells from a file, once, when it starts.
const http = require('http')
const { titres, port } = JSON.parse(require('fs').readFileSync(__dirname + '/kiosque.json', 'utf8'))
if (!titres.length) throw new RangeError('rien à vendre')
http.createServer((request, answer) => answer.end(titres.join('\n') + '\n')).listen(port, '127.0.0.1')
