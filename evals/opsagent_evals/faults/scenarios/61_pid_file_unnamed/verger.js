const fs=require('fs'), http=require('http'), f=process.env.STATE_DIR+'/verger.pid';
if (fs.existsSync(f)) { console.error('une autre instance tourne déjà, abandon'); process.exit(1); }
fs.writeFileSync(f, process.pid+'\n');
process.on('SIGTERM',()=>{fs.unlinkSync(f);process.exit(0)});
http.createServer((q,r)=>r.end('ok')).listen(+process.argv[2],'127.0.0.1',()=>console.log('prêt'));
