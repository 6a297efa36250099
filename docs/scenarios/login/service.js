// A shop behind a login: tokens differ in every container, carts belong to users.
'use strict';
const crypto = require('crypto');
const http = require('http');

const PASSWORD = process.env.SHOP_PASSWORD;
const tokens = new Set();
const carts = new Map();

function respond(response, status, document, headers = {}) {
  const body = JSON.stringify(document);
  const length = Buffer.byteLength(body);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': length, ...headers });
  response.end(body);
}

function login(response, given) {
  if (!PASSWORD || given.password !== PASSWORD) return respond(response, 403, { error: 'no such user' });
  const token = crypto.randomBytes(24).toString('hex');
  tokens.add(token);
  return respond(response, 200, { user: given.user, access: { token } }, { 'Set-Cookie': 'shop=eu; Path=/' });
}

function serve(request, response, body) {
  if (request.url === '/health') return respond(response, 200, { ok: true });
  if (request.method === 'POST' && request.url === '/login') return login(response, JSON.parse(body));
  const token = (request.headers.authorization || '').replace(/^Bearer /, '');
  if (!tokens.has(token) || !/(^|; )shop=eu/.test(request.headers.cookie || '')) {
    return respond(response, 401, { error: 'log in first' });
  }
  const [, kind, user] = request.url.split('/');
  if (kind === 'carts' && request.method === 'PUT') {
    const lines = JSON.parse(body);
    carts.set(user, lines);
    return respond(response, 200, { user, lines: lines.length });
  }
  if (kind === 'carts') return respond(response, 200, { user, lines: carts.get(user) || [] });
  if (kind === 'users') return respond(response, 200, { user, since: 2019 + (user.length % 7) });
  return respond(response, 404, { error: 'not here' });
}

http.createServer((request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => serve(request, response, body));
}).listen(8080);
