// The API as the platform's back end calls it. Requests are described first, so that
// one can be sent alone and many at once.
import http from 'k6/http';
import { fail } from 'k6';
import { randomBytes } from 'k6/crypto';
import encoding from 'k6/encoding';
import { apiKey, nodes } from './settings.js';

// atOnce is how many requests a batch has under way: the engine takes hundreds, and
// a script that only prepares has no reason to be the load.
const atOnce = 25;

// batching is what a script's options need for batches to be as wide.
export const batching = { batch: atOnce, batchPerHost: atOnce };

// fresh names something nobody has named before.
export function fresh(prefix) {
  return `${prefix}-${encoding.b64encode(randomBytes(9), 'rawurl')}`;
}

// phone is a number of an operator's, whose last four digits have no meaning at the
// simulated gateways (those that have are below 1000).
export function phone(prefix, middle) {
  const inner = middle === undefined ? Math.floor(Math.random() * 1e4) : middle;
  return `${prefix}${String(inner).padStart(4, '0')}${1000 + Math.floor(Math.random() * 9000)}`;
}

// order is a payment's request. By Orange Money the payer is asked for a code, and
// until it is given no gateway takes anything or tells of anything.
export function order(more) {
  return Object.assign({
    booking_id: fresh('k6'), talent_id: 'k6-talent', amount: 15000, currency: 'XOF', method: 'mobile_money', operator: 'orange',
    phone: phone('07'), email: 'payer@example.ci',
  }, more);
}

export function initiating(node, body) {
  return post(`${node}/v1/payments/initiate`, body, 'initiate');
}

export function submittingOTP(node, id, otp) {
  return post(`${node}/v1/payments/submit_otp`, { payment_id: id, otp: otp }, 'submit_otp');
}

export function confirming(node, booking) {
  return post(`${node}/v1/booking_requests/${booking}/confirm_delivery`, {}, 'confirm_delivery');
}

export function reading(node, id) {
  return { method: 'GET', url: `${node}/v1/payments/${id}`, params: { headers: headers({}), tags: { name: 'payment' } } };
}

// wallet is where a talent is paid: a number that the simulated gateway pays at once.
export function wallet(node, talent) {
  const params = { headers: headers({ 'Content-Type': 'application/json' }), tags: { name: 'wallet' } };
  const body = JSON.stringify({ operator: 'wave', phone: '0700000045', name: 'Awa Koné' });
  return { method: 'PUT', url: `${node}/v1/talents/${talent}/wallet`, body: body, params: params };
}

// send sends one request.
export function send(request) {
  return http.request(request.method, request.url, request.body || null, request.params);
}

// sendAll sends many, some at a time, and returns their answers in order.
export function sendAll(requests) {
  const answers = [];
  for (let i = 0; i < requests.length; i += atOnce) {
    answers.push(...http.batch(requests.slice(i, i + atOnce)));
  }
  return answers;
}

// begin initiates so many payments, spread over the nodes, or ends the run.
export function begin(count, price) {
  const requests = [];
  for (let i = 0; i < count; i++) {
    requests.push(initiating(nodes[i % nodes.length], order({ amount: price })));
  }
  return sendAll(requests).map((answer) => {
    if (answer.status !== 202) {
      fail(`initiate was answered ${answer.status}: ${answer.body}`);
    }
    const begun = answer.json();
    return { id: begun.id, reference: begun.reference, expiresAt: Date.parse(begun.next_action.expires_at) };
  });
}

// mustLast ends a run whose payments would expire before their webhooks are sent: it
// would show how late money is treated, not what the script claims.
export function mustLast(payments, until) {
  const first = payments.reduce((least, p) => Math.min(least, p.expiresAt || Infinity), Infinity);
  if (until > first) {
    const over = Math.ceil((until - first) / 1000);
    fail(`payers have until ${new Date(first).toISOString()}, and the last webhook would come ${over} s later: ` +
      'fewer payments, a higher rate, or ./run.sh, whose payers have three minutes (those of demo have eight seconds)');
  }
}

function post(url, body, name) {
  const params = { headers: headers({ 'Idempotency-Key': fresh('k6'), 'Content-Type': 'application/json' }), tags: { name: name } };
  return { method: 'POST', url: url, body: JSON.stringify(body), params: params };
}

function headers(more) {
  return Object.assign({ Authorization: `Bearer ${apiKey}` }, more);
}
