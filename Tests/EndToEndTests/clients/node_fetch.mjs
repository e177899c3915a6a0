// Node's built-in fetch, which reads HTTPS_PROXY where NODE_USE_ENV_PROXY is known. argv and output as node_https.js.
import fs from 'node:fs';

const [file, ...fields] = process.argv.slice(2);
const headers = { 'Content-Type': 'application/json' };
for (const field of fields) {
    const at = field.indexOf(':');
    headers[field.slice(0, at)] = field.slice(at + 1).trim();
}
try {
    const answer = await fetch('https://api.openai.com/v1/chat/completions', {
        method: 'POST', headers, body: fs.readFileSync(file),
    });
    const pieces = [];
    for await (const piece of answer.body) {
        if (pieces.length === 0) console.log('first');
        pieces.push(piece);
    }
    console.log(JSON.stringify({ status: answer.status, text: Buffer.concat(pieces).toString() }));
} catch (error) {
    console.log(JSON.stringify({ error: `${error.name}: ${error.message} ${error.cause ?? ''}` }));
}
