// Node's http2 over a socket that the program gets by CONNECT: core http2 knows no proxies.
// argv: one|many FILE "name: value"…   `one` reports as node_https.js; `many` sends twenty streams on one connection, gives
// one of them up once each has begun, prints "first", and reports {"texts", "errors"} by number.
'use strict';
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const tls = require('tls');

const host = 'api.openai.com';
const [mode, file, ...fields] = process.argv.slice(2);
const body = fs.readFileSync(file);
const headers = { ':method': 'POST', ':path': '/v1/chat/completions', 'content-type': 'application/json' };
for (const field of fields) {
    const at = field.indexOf(':');
    headers[field.slice(0, at).toLowerCase()] = field.slice(at + 1).trim();
}

function finish(value) {
    console.log(JSON.stringify(value));
    process.exit(0);
}

function say(error) {
    return `${error.code || error.name}: ${error.message}`;
}

function ask(session, more, first, done) {
    const pieces = [];
    let status = 0;
    // The body's end arrives as 'end' even when the connection was cut; only 'close' with its code tells.
    const stream = session.request({ ...headers, ...more });
    stream.on('response', (answer) => { status = answer[':status']; });
    stream.on('data', (piece) => {
        pieces.push(piece);
        if (pieces.length === 1) first(stream);
    });
    stream.on('error', (error) => done(say(error)));
    stream.on('close', () => done(null, { status, version: '2', text: Buffer.concat(pieces).toString() }));
    stream.end(body);
}

function many(session) {
    const count = 20;
    const givenUp = 7;
    const texts = {};
    const errors = {};
    const streams = {};
    let begun = 0;
    for (let number = 0; number < count; number++) {
        ask(session, { 'x-test-id': `${headers['x-test-id']}-${number}` }, (stream) => {
            streams[number] = stream;
            if (++begun < count) return;
            streams[givenUp].close(http2.constants.NGHTTP2_CANCEL);
            console.log('first');
        }, (error, answer) => {
            if (error) errors[number] = error;
            else if (number === givenUp) errors[number] = 'given up';
            else if (!(number in errors)) texts[number] = answer.text;
            if (Object.keys(texts).length + Object.keys(errors).length === count) finish({ texts, errors });
        });
    }
}

const proxy = new URL(process.env.HTTPS_PROXY);
const connect = http.request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: `${host}:443` });
connect.on('error', (error) => finish({ error: say(error) }));
connect.on('connect', (answer, socket) => {
    if (answer.statusCode !== 200) finish({ error: `CONNECT: ${answer.statusCode}` });
    const secure = tls.connect({ socket, servername: host, ALPNProtocols: ['h2'] });
    secure.on('error', (error) => finish({ error: say(error) }));
    const session = http2.connect(`https://${host}`, { createConnection: () => secure });
    session.on('error', (error) => finish({ error: say(error) }));
    if (mode === 'many') {
        many(session);
        return;
    }
    let failure = null;
    ask(session, {}, () => console.log('first'), (error, result) => {
        if (error) failure = error;
        finish(failure ? { error: failure } : result);
    });
});
connect.end();
