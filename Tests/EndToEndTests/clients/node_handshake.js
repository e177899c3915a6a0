// argv: PORT NAME. A TLS handshake with Node's trust; prints "accepted" or "refused: why".
'use strict';
const net = require('net');
const tls = require('tls');
const [port, name] = process.argv.slice(2);
const servername = net.isIP(name) ? undefined : name;
const socket = tls.connect({ host: '127.0.0.1', port: Number(port), servername }, () => {
    console.log('accepted');
    socket.destroy();
});
socket.on('error', (error) => console.log(`refused: ${error.code} ${error.message}`));
