// Paystack, as a receiver of its webhooks knows it.
import { hmac } from 'k6/crypto';
import { send } from './client.js';
import { paystackKey } from './settings.js';

// chargeSuccess is the notification that a reference has been paid. The same
// arguments make the same bytes, and so the same signature, in every virtual user.
// XOF is stated in hundredths (Paystack docs, XOF Subunit and Fractions).
export function chargeSuccess(reference, francs, paidAt) {
  return JSON.stringify({
    event: 'charge.success',
    data: {
      id: 4099260516, domain: 'test', status: 'success', reference: reference, amount: francs * 100, currency: 'XOF',
      channel: 'mobile_money', fees: 0, paid_at: paidAt,
    },
  });
}

// deliver posts a notification as Paystack does: the hex HMAC-SHA512 of its exact
// bytes under the API's secret key (Paystack docs, Webhooks).
export function deliver(node, body) {
  return send({
    method: 'POST', url: `${node}/webhooks/paystack`, body: body,
    params: {
      headers: { 'Content-Type': 'application/json', 'x-paystack-signature': hmac('sha512', paystackKey, body, 'hex') },
      tags: { name: 'webhook' },
    },
  });
}

// outcome is what the engine says has become of a webhook: changed, duplicate,
// parked; nothing when it was not taken.
export function outcome(answer) {
  return answer.status === 200 ? answer.json('outcome') : '';
}
