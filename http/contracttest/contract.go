package contracttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Contract is one description.
type Contract struct {
	Version string // of OpenAPI
	routes  routers.Router
}

// Read reads a description and checks it, its examples included.
func Read(document []byte) (Contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return Contract{}, err
	}
	routes, err := legacy.NewRouter(doc) // which validates the document
	return Contract{doc.OpenAPI, routes}, err
}

// Exchange is a request and its answer.
type Exchange struct {
	Method, Path string // with its query
	Sent         http.Header
	Body         []byte
	Status       int
	Got          http.Header
	Answer       []byte
}

// Header copies headers as fasthttp lists them.
func Header(of iter.Seq2[[]byte, []byte]) http.Header {
	out := http.Header{}
	for name, value := range of {
		out.Add(string(name), string(value))
	}
	return out
}

// Check says how an exchange is not as described: the answer always, its status, headers
// and body; the request only when it was accepted, because tests send wrong ones on
// purpose. What no path describes is not the contract's.
func (c Contract) Check(x Exchange) error {
	within := context.Background()
	request, err := http.NewRequestWithContext(within, x.Method, x.Path, bytes.NewReader(x.Body))
	if err != nil || strings.HasSuffix(request.URL.Path, "/") { // kin-openapi's router would overlook the slash; ours does not
		return nil //nolint:nilerr // such an address names no operation
	}
	request.Header = x.Sent
	route, parameters, err := c.routes.FindRoute(request)
	if err != nil {
		return nil //nolint:nilerr // no operation of the contract
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
	if described := route.Operation.Responses.Status(x.Status); described != nil {
		// A table and a stream are texts: that they may be sent is in the contract, and no more.
		kind, _, _ := strings.Cut(x.Got.Get("Content-Type"), ";")
		options.ExcludeResponseBody = described.Value.Content[kind] != nil && !strings.HasSuffix(kind, "json")
	}
	in := &openapi3filter.RequestValidationInput{Request: request, PathParams: parameters, Route: route, Options: options}
	if x.Status >= http.StatusOK && x.Status < http.StatusMultipleChoices {
		if err := openapi3filter.ValidateRequest(within, in); err != nil {
			return fmt.Errorf("OpenAPI %s: %s %s was accepted and is not as described: %w", c.Version, x.Method, x.Path, err)
		}
	}
	err = openapi3filter.ValidateResponse(within, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: x.Status, Header: x.Got, Body: io.NopCloser(bytes.NewReader(x.Answer)), Options: options,
	})
	if err != nil {
		return fmt.Errorf("OpenAPI %s: %s %s answered %d, not as described: %w", c.Version, x.Method, x.Path, x.Status, err)
	}
	return nil
}
