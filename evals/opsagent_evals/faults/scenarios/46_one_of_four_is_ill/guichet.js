// Rates of a bureau de change; four of these share one door (LISTEN_FD). Logs in French.
const http = require('http');
let cours = { EUR: 1.0, CHF: 0.96, KRW: 1480 };
const journal = (niveau, texte) =>
  console.error(`${new Date().toISOString()} ${niveau} guichet[${process.pid}] ${texte}`);

const serveur = http.createServer((demande, reponse) => {
  reponse.setHeader('connection', 'close');
  if (demande.url === '/oublier') {            // a partial refresh that went wrong, in this process only
    cours = null;
    return reponse.end('oublié\n');
  }
  const devise = demande.url.split('/')[2];
  if (!cours || !(devise in cours)) {
    journal('ERREUR', `cours introuvable pour ${devise}`);
    reponse.statusCode = 500;
    return reponse.end('indisponible\n');
  }
  reponse.end(`${cours[devise]}\n`);
});
serveur.listen({ fd: Number(process.env.LISTEN_FD) });
journal('INFO', 'ouvert');
process.on('SIGTERM', () => serveur.close(() => process.exit(0)));
