// A price list that is built anew in memory every second: it needs its room, always the same.
const http = require('http')
let lijst = []
function bouw () {
  const nieuw = []
  for (let i = 0; i < 150000; i++) nieuw.push({ artikel: 'a' + i, prijs: i % 97, omschrijving: ['x' + i, 'y' + i] })
  lijst = nieuw
}
http.createServer((req, res) => {
  if (req.url === '/gezond') return res.end('ja')
  res.end(lijst.length ? 'prijs ' + lijst[42].prijs : 'prijs onbekend')
}).listen(21430, '127.0.0.1', () => console.log('INFO prijslijst gestart'))
setTimeout(() => { bouw(); setInterval(bouw, 1500) }, 2500)
