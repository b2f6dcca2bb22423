// Takes orders. The password is read once, at the start; every request asks the store.
const http = require('http')
const net = require('net')
const fs = require('fs')
const dir = process.env.SCENARIO_DIR
const conf = JSON.parse(fs.readFileSync(dir + '/pedidos.json', 'utf8'))
const clave = fs.readFileSync(dir + '/llaves/pedidos.clave', 'utf8').trim()

http.createServer((req, res) => {
  const a = net.connect(21341, '127.0.0.1', () => a.write(`AUTH ${clave}\n`))
  a.setTimeout(700, () => a.destroy(new Error('sin respuesta')))
  a.on('error', e => { res.statusCode = 502; res.end(e.message) })
  a.once('data', d => {
    a.end()
    if (d.toString().startsWith('+')) return res.end(d.toString())
    console.error(JSON.stringify({ nivel: 'error', msg: 'acceso denegado por el almacén', cod: 'E-403' }))
    res.statusCode = 500
    res.end('acceso denegado')
  })
}).listen(conf.puerto, '127.0.0.1', () => console.log(JSON.stringify({ nivel: 'info', msg: 'pedidos listo' })))
