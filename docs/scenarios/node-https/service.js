// A small shop over HTTPS: what is on sale, one article of it, and an order.
'use strict';
const fs = require('fs');
const https = require('https');

const articles = Array.from({ length: 500 }, (_, id) => ({ id, name: `article ${id}`, price: 100 + id }));

function respond(response, status, document) {
  const body = JSON.stringify(document);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

const pem = fs.readFileSync(process.env.CERTIFICATE || '/server.pem');
https.createServer({ key: pem, cert: pem }, (request, response) => {
  const [, kind, id] = request.url.split('/');
  if (request.method === 'POST' && kind === 'orders') {
    let body = '';
    request.on('data', (part) => { body += part; });
    request.on('end', () => {
      const order = JSON.parse(body);
      respond(response, 201, { article: articles[order.article], total: order.count * articles[order.article].price });
    });
  } else if (request.url === '/') {
    const page = '<!doctype html><title>Shop</title><a href="/articles">all</a> <a href="/articles/1">one</a>';
    response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': Buffer.byteLength(page) });
    response.end(page);
  } else if (kind === 'health') {
    respond(response, 200, { ok: true });
  } else if (kind === 'articles' && id === undefined) {
    respond(response, 200, articles);
  } else if (kind === 'articles' && articles[id]) {
    respond(response, 200, articles[id]);
  } else {
    respond(response, 404, { error: 'not here' });
  }
}).listen(8443);
