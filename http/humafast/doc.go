// Package humafast mounts Huma on plain fasthttp.
//
// Huma describes an operation once, in Go types, and gives validation and
// OpenAPI for it; it reaches the server through a small interface, and this is
// that interface for fasthttp. It knows no router: whoever builds the API says
// where a handler is to be mounted.
//
// What never happens here: a fasthttp.RequestCtx, or bytes that belong to one,
// outliving the handler. fasthttp uses both again for the next request on the
// connection, so every string is copied and the context.Context that Huma hands
// to operations is one the server made for this request, never the RequestCtx.
package humafast
