// What a run may be told from outside. The defaults are those of `cauri demo`.
// A setting that makes no sense ends the run before its first request.

// CAURI_URLS names every node of one engine, separated by commas.
export const nodes = addresses('CAURI_URLS', 'http://127.0.0.1:8080');
// CAURI_ADMIN_URLS are their listeners for health and metrics; "none" where they are out of reach.
export const admins = addresses('CAURI_ADMIN_URLS', 'http://127.0.0.1:8081');
// The simulated gateways, where there are some: `demo` prints their addresses, `sandbox` listens here.
export const sandboxes = {
  paystack: addresses('PAYSTACK_SANDBOX_URL', 'http://127.0.0.1:8090')[0],
  fedapay: addresses('FEDAPAY_SANDBOX_URL', 'http://127.0.0.1:8091')[0],
};
export const apiKey = __ENV.CAURI_API_KEY || 'ck_test_cauri_development';
export const paystackKey = __ENV.PAYSTACK_SECRET_KEY || 'sk_test_cauri_development';

if (!paystackKey.startsWith('sk_test_')) {
  throw new Error('PAYSTACK_SECRET_KEY is not a test key (sk_test_…): these scripts tell of money that nobody took');
}

// whole reads a whole number between two bounds.
export function whole(name, otherwise, least, most) {
  const value = Number(__ENV[name] || otherwise);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Error(`${name} is a whole number from ${least} to ${most}`);
  }
  return value;
}

function addresses(name, otherwise) {
  const given = __ENV[name] || otherwise;
  return given === 'none' ? [] : given.split(',').map((address) => address.trim().replace(/\/+$/, ''));
}
