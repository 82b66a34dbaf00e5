package humafast

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/valyala/fasthttp"
)

// Config says where the API meets the server.
type Config struct {
	// Mount puts a handler under the operation's method and path. fasthttp/router
	// and OpenAPI write a path's parameters the same way: /v1/payments/{id}.
	Mount func(op *huma.Operation, handler fasthttp.RequestHandler)

	// Context is the context operations run under: with a deadline, and safe to
	// keep for as long as it lasts. It must not be the RequestCtx.
	Context func(*fasthttp.RequestCtx) context.Context
}

// New makes an API whose operations are mounted through cfg.
func New(api huma.Config, cfg Config) huma.API {
	return huma.NewAPI(api, &adapter{cfg})
}

type adapter struct{ Config }

var _ huma.Adapter = (*adapter)(nil)

// Handle mounts an operation.
func (a *adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.Mount(op, func(c *fasthttp.RequestCtx) {
		handler(&request{op: op, c: c, ctx: a.Context(c)})
	})
}

// ServeHTTP is for net/http, which is not how this API is reached: Huma's
// interface wants it, and only its humatest package would call it. It answers
// 501 rather than pretend.
func (a *adapter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "served by fasthttp only", http.StatusNotImplemented)
}
