package humafast

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"mime/multipart"
	"net/url"

	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/valyala/fasthttp"
)

// request is one request and its answer, as Huma sees them. It is good until
// the handler returns, as the RequestCtx is; its Context may outlive it.
type request struct {
	op     *huma.Operation
	c      *fasthttp.RequestCtx
	ctx    context.Context //nolint:containedctx // huma.Context is an accessor of the request's context
	status int
}

var _ huma.Context = (*request)(nil)

func (r *request) Operation() *huma.Operation { return r.op }
func (r *request) Context() context.Context   { return r.ctx }
func (r *request) Method() string             { return string(r.c.Method()) }
func (r *request) Host() string               { return string(r.c.Host()) }
func (r *request) RemoteAddr() string         { return r.c.RemoteAddr().String() }

func (r *request) TLS() *tls.ConnectionState { return r.c.TLSConnectionState() }

func (r *request) Version() huma.ProtoVersion {
	if r.c.Request.Header.IsHTTP11() {
		return huma.ProtoVersion{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	}
	return huma.ProtoVersion{Proto: "HTTP/1.0", ProtoMajor: 1, ProtoMinor: 0}
}

func (r *request) URL() url.URL {
	u, err := url.ParseRequestURI(string(r.c.RequestURI()))
	if err != nil {
		return url.URL{}
	}
	return *u
}

// Param is a copy already: fasthttp/router makes it (its radix tree copies what it
// stores as a user value), and the test would tell.
func (r *request) Param(name string) string {
	value, _ := r.c.UserValue(name).(string)
	return value
}

func (r *request) Query(name string) string  { return string(r.c.QueryArgs().Peek(name)) }
func (r *request) Header(name string) string { return string(r.c.Request.Header.Peek(name)) }

func (r *request) EachHeader(cb func(name, value string)) {
	for name, value := range r.c.Request.Header.All() {
		cb(string(name), string(value))
	}
}

// BodyReader reads the request's buffer; Huma copies what it reads.
func (r *request) BodyReader() io.Reader { return bytes.NewReader(r.c.PostBody()) }

func (r *request) GetMultipartForm() (*multipart.Form, error) { return r.c.MultipartForm() }

// SetReadDeadline does nothing: the body has been read in full, under the
// server's own deadline, before any handler runs. Setting one on the connection
// would cut the client's next request.
func (r *request) SetReadDeadline(time.Time) error { return nil }

func (r *request) SetStatus(code int) {
	r.status = code
	r.c.SetStatusCode(code)
}

func (r *request) Status() int                     { return r.status }
func (r *request) SetHeader(name, value string)    { r.c.Response.Header.Set(name, value) }
func (r *request) AppendHeader(name, value string) { r.c.Response.Header.Add(name, value) }
func (r *request) BodyWriter() io.Writer           { return r.c }
