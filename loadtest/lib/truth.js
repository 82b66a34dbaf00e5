// What must be true of a payment afterwards, as the API tells it. The timeline is the
// committed history: a move that was made twice stands in it twice.
import { check } from 'k6';
import { nodes } from './settings.js';
import { reading, sendAll } from './client.js';

// readAll reads payments, each from another node than the one before.
export function readAll(ids) {
  return sendAll(ids.map((id, i) => reading(nodes[i % nodes.length], id))).map((answer) => (answer.status === 200 ? answer.json() : {}));
}

// paidOnce claims that a payment succeeded once, through one attempt, and has one
// hold of its price. Each payment.received event belongs to one such move, which
// the invariants hold run.sh to.
export function paidOnce(payment, price) {
  return check(payment, {
    'it has succeeded': (p) => p.status === 'succeeded',
    'once': (p) => moves(p, 'charge', 'succeeded') === 1,
    'by one attempt': (p) => (p.attempts || []).filter((a) => a.disposition === 'kept').length === 1,
    'with one hold': (p) => moves(p, 'hold', 'held') === 1,
    'of its price': (p) => p.hold !== undefined && p.hold.amount === price && p.hold.commission + p.hold.talent_fee === price,
    'and nothing owed back': (p) => !p.refund_due && !p.refunds && !p.under_review,
  });
}

// ended reports that a payment expects nothing more of its payer or of a gateway.
export function ended(payment) {
  return ['succeeded', 'failed', 'expired', 'cancelled'].includes(payment.status);
}

function moves(payment, what, to) {
  return (payment.timeline || []).filter((m) => m.what === what && m.to === to).length;
}
