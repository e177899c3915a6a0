// Node's https with an agent of the program's own: core https does nothing with HTTPS_PROXY by itself.
// argv: FILE "name: value"…   prints "first" at the first piece of the body, then {"status", "text"} or {"error"}.
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const tls = require('tls');

class ConnectAgent extends https.Agent {
    createConnection(options, callback) {
        const proxy = new URL(process.env.HTTPS_PROXY);
        const connect = http.request({
            host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: `${options.host}:${options.port}`,
        });
        connect.on('connect', (answer, socket) => {
            if (answer.statusCode !== 200) return callback(new Error(`CONNECT: ${answer.statusCode}`));
            callback(null, tls.connect({ socket, servername: options.servername || options.host }));
        });
        connect.on('error', callback);
        connect.end();
    }
}

const [file, ...fields] = process.argv.slice(2);
const headers = { 'Content-Type': 'application/json' };
for (const field of fields) {
    const at = field.indexOf(':');
    headers[field.slice(0, at)] = field.slice(at + 1).trim();
}
const body = fs.readFileSync(file);
headers['Content-Length'] = body.length;

function fail(error) {
    console.log(JSON.stringify({ error: `${error.code || error.name}: ${error.message}` }));
    process.exit(0);
}

const agent = new ConnectAgent();
const request = https.request(
    'https://api.openai.com/v1/chat/completions', { method: 'POST', headers, agent },
    (answer) => {
        const pieces = [];
        answer.on('data', (piece) => {
            if (pieces.length === 0) console.log('first');
            pieces.push(piece);
        });
        answer.on('error', fail);
        answer.on('end', () => {
            console.log(JSON.stringify({ status: answer.statusCode, text: Buffer.concat(pieces).toString() }));
            agent.destroy();
        });
    });
request.on('error', fail);
request.end(body);
