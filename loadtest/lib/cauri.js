// What every script needs of Cauri: where it is, how its API is called, and how a
// gateway signs. Everything comes from the environment; the defaults are `cauri demo`'s.
import http from 'k6/http';
import { hmac, randomBytes } from 'k6/crypto';
import encoding from 'k6/encoding';

// CAURI_URLS may name several nodes of one engine, separated by commas.
export const nodes = (__ENV.CAURI_URLS || 'http://127.0.0.1:8080').split(',');
const apiKey = __ENV.CAURI_API_KEY || 'ck_test_cauri_development';
const paystackKey = __ENV.PAYSTACK_SECRET_KEY || 'sk_test_cauri_development';

// fresh names something nobody has named before.
export function fresh(prefix) {
  return `${prefix}-${encoding.b64encode(randomBytes(9), 'rawurl')}`;
}

// initiate begins a payment by Orange Money. The simulated Paystack asks for a code
// and sends no webhook until it has one, so that the script's are the only ones.
export function initiate(node, amount) {
  const body = JSON.stringify({
    booking_id: fresh('k6'), talent_id: 'k6-talent', amount: amount, currency: 'XOF', method: 'mobile_money', operator: 'orange',
    phone: `07${String(Math.floor(Math.random() * 1e8)).padStart(8, '0')}`, email: 'payer@example.ci',
  });
  return http.post(`${node}/v1/payments/initiate`, body, {
    headers: headers({ 'Idempotency-Key': fresh('k6'), 'Content-Type': 'application/json' }), tags: { name: 'initiate' },
  });
}

// payment reads one, with its timeline.
export function payment(node, id) {
  return http.get(`${node}/v1/payments/${id}`, { headers: headers({}), tags: { name: 'payment' } });
}

// chargeSuccess is the notification Paystack sends for a reference, with the
// signature of its exact bytes (HMAC-SHA512 of the body, Paystack docs, Webhooks).
export function chargeSuccess(reference, francs) {
  const body = JSON.stringify({
    event: 'charge.success',
    data: {
      id: 4099260516, domain: 'test', status: 'success', reference: reference, amount: francs * 100, currency: 'XOF',
      channel: 'mobile_money', fees: 0, paid_at: new Date().toISOString(),
    },
  });
  return { body: body, signature: hmac('sha512', paystackKey, body, 'hex') };
}

// deliver posts a signed notification, as the gateway does.
export function deliver(node, notification, tags) {
  return http.post(`${node}/webhooks/paystack`, notification.body, {
    headers: { 'Content-Type': 'application/json', 'x-paystack-signature': notification.signature }, tags: tags,
  });
}

function headers(more) {
  return Object.assign({ Authorization: `Bearer ${apiKey}` }, more);
}
