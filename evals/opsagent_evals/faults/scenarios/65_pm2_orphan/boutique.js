// Sells as long as its launcher lives: without it, it answers that it is out of order.
const http = require('http')
const [port, launcher] = process.argv.slice(2).map(Number)
const alive = () => { try { process.kill(launcher, 0); return true } catch { return false } }
const server = http.createServer((request, answer) => {
  answer.statusCode = alive() ? 200 : 503
  answer.end(alive() ? 'ouvert\n' : 'hors service\n')
})
server.on('error', error => {
  console.error(JSON.stringify({ niveau: 'fatal', quoi: "l'adresse est prise", code: error.code }))
  process.exit(3)
})
server.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ niveau: 'info', quoi: 'ouvert', port })))
process.on('SIGINT', () => process.exit(0))
