package humafast_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/fasthttp/router"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/http/humafast"
)

type echoInput struct {
	Name  string `path:"name"`
	Query string `query:"q"`
	Token string `header:"X-Token"`
	Body  struct {
		Word string `json:"word"`
	}
}

type echoOutput struct {
	Header string `header:"X-Echo"`
	Body   struct {
		Name string `json:"name"`
	}
}

// kept is what an operation kept of its request after it returned: an actor does
// that with everything it is told.
type kept struct {
	in  *echoInput
	ctx context.Context
}

// fasthttp uses a connection's buffers again for its next request: whatever an
// operation kept must not change under it, and its context must not be
// fasthttp's. Run with -race, a shared buffer is found even when it looks right.
func TestWhatAnOperationKeepsIsItsOwn(t *testing.T) {
	t.Parallel()
	type contextName struct{}
	base, cancel := context.WithCancel(context.WithValue(t.Context(), contextName{}, "ours"))
	defer cancel()
	var mu sync.Mutex
	var all []kept
	r := router.New()
	api := humafast.New(huma.DefaultConfig("test", "1"), humafast.Config{
		Mount:   func(op *huma.Operation, h fasthttp.RequestHandler) { r.Handle(op.Method, op.Path, h) },
		Context: func(*fasthttp.RequestCtx) context.Context { return base },
	})
	huma.Register(api, huma.Operation{Method: "POST", Path: "/echo/{name}", DefaultStatus: 202},
		func(ctx context.Context, in *echoInput) (*echoOutput, error) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, kept{in, ctx})
			out := &echoOutput{Header: in.Token}
			out.Body.Name = in.Name
			return out, nil
		})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &fasthttp.Server{Handler: r.Handler}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	client := &fasthttp.Client{MaxConnsPerHost: 1} // one connection: one set of buffers
	words := []string{"aaaaaaaa", "bbbbbbbb", "cccccccc"}
	for _, word := range words {
		request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		request.SetRequestURI("http://" + listener.Addr().String() + "/echo/" + word + "?q=" + word)
		request.Header.SetMethod("POST")
		request.Header.Set("X-Token", word)
		request.Header.SetContentType("application/json")
		request.SetBodyString(`{"word":"` + word + `"}`)
		require.NoError(t, client.DoTimeout(request, response, 10*time.Second))
		require.Equal(t, 202, response.StatusCode(), "%s", response.Body())
		require.Equal(t, word, string(response.Header.Peek("X-Echo")))
	}
	client.CloseIdleConnections()
	require.NoError(t, server.Shutdown())
	require.NoError(t, <-done)
	require.Len(t, all, len(words))
	for i, k := range all {
		word := words[i]
		require.Equal(t, []string{word, word, word, word}, []string{k.in.Name, k.in.Query, k.in.Token, k.in.Body.Word})
		require.Equal(t, "ours", k.ctx.Value(contextName{}))
		require.NoError(t, k.ctx.Err())
	}
}
