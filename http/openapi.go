package http

import (
	_ "embed"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

// introduction is what holds for every operation, as Markdown.
//
//go:embed openapi.md
var introduction string

const bearerScheme = "bearer"

// apiConfig is Huma's, without its pages: its documentation loads from a CDN,
// and its own /openapi.json builds itself at the first request, unguarded.
func apiConfig(version string) huma.Config {
	config := huma.DefaultConfig("Cauri", version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // no $schema in every answer
	config.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	config.Info.Description = introduction
	config.Servers = []*huma.Server{{URL: "/", Description: "Whoever served this description."}}
	config.Tags = []*huma.Tag{
		{Name: "payments", Description: "Collecting the price of a booking, and following it."},
		{Name: "escrow", Description: "Ending the hold on what was collected."},
		{Name: "talents", Description: "What talents are owed, and where it goes."},
		{Name: "payouts", Description: "The sending of it."},
		{Name: "staff", Description: "What people do by hand, two by two, and the book that is kept of it."},
	}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearerScheme: {Type: "http", Scheme: "bearer", Description: "An API key (ck_… of a platform, cs_… of staff), " +
			"or a payer's or talent's token that their platform has signed."},
	}
	config.Components.Parameters = map[string]*huma.Param{
		"AcceptLanguage": {
			Name: fasthttp.HeaderAcceptLanguage, In: "header", Schema: &huma.Schema{Type: huma.TypeString}, Example: "fr",
			Description: "What people are spoken to in: French, unless English is preferred.",
		},
	}
	config.Components.Headers = map[string]*huma.Header{
		"RequestID":       {Schema: &huma.Schema{Type: huma.TypeString}, Description: "Quote it when asking for help."},
		"ContentLanguage": {Schema: &huma.Schema{Type: huma.TypeString}, Description: "fr or en: what display_text is in."},
		"RetryAfter": {
			Schema:      &huma.Schema{Type: huma.TypeInteger, Minimum: new(float64)},
			Description: "Seconds to wait before sending the same request again; present when retryable is true.",
		},
		"Authenticate": {Schema: &huma.Schema{Type: huma.TypeString}, Description: `Bearer realm="cauri"`},
	}
	config.Components.Responses = map[string]*huma.Response{}
	for _, r := range refusals {
		config.Components.Responses[r.name] = r.response()
	}
	return config
}

// refusal is a status that a problem may have.
type refusal struct {
	status  int
	name    string
	when    string
	example *engine.Error
	comes   bool // with Retry-After
	applies func(*route, *huma.Operation) bool
}

func always(*route, *huma.Operation) bool { return true }

func withBody(_ *route, op *huma.Operation) bool { return op.RequestBody != nil }

// refusals are the statuses of problems, and which operations may answer with each. Every
// exchange of every test of this package is held against them: a status that an operation
// answers with and that is not described here fails the test that met it.
var refusals = []refusal{
	{
		fasthttp.StatusBadRequest, "Unreadable", "The envelope is wrong: no JSON, no key, no HTTP as it should be.",
		engine.Errorf(engine.Invalid, codeJSONMalformed, "%v", errNotJSON), false, always,
	},
	{
		fasthttp.StatusUnauthorized, "Unauthenticated", "Nobody we know.",
		engine.Errorf(engine.Forbidden, codeUnauthenticated, "this API key is not known, or works no longer"), false, always,
	},
	{
		fasthttp.StatusForbidden, "Forbidden", "Not with this role, or not with this key's scopes.",
		engine.Errorf(engine.Forbidden, codeScopeMissing, "this key has not the scope payments:write"), false, always,
	},
	{
		fasthttp.StatusNotFound, "NotFound", "There is none, or none of the caller's.",
		engine.Errorf(engine.NotFound, engine.CodePaymentUnknown, "there is no such payment"), false,
		func(r *route, op *huma.Operation) bool {
			named := op.OperationID == "submit-otp" || op.OperationID == "propose" // in the body
			return named || strings.Contains(r.path, "{")
		},
	},
	{
		fasthttp.StatusConflict, "Conflict", "Not as things are now; retryable says whether they will change by themselves.",
		engine.Errorf(engine.Conflict, engine.CodeBookingPaid, ""), true,
		func(r *route, _ *huma.Operation) bool { return r.method != fasthttp.MethodGet },
	},
	{
		fasthttp.StatusRequestEntityTooLarge, "TooLarge", "The body is too large.",
		engine.Errorf(engine.Invalid, codeBodyTooLarge, "a body has at most %d bytes", apiBodyBytesMax), false, withBody,
	},
	{
		fasthttp.StatusUnsupportedMediaType, "NotJSON", "The body is not application/json, or is compressed.",
		engine.Errorf(engine.Invalid, codeMediaUnsupported, "send application/json"), false, withBody,
	},
	{
		fasthttp.StatusUnprocessableEntity, "Invalid", "What was sent is wrong: errors says what, field by field.",
		engine.Errorf(engine.Invalid, engine.CodePhoneMalformed, "ten digits").At("phone"), false, always,
	},
	{
		fasthttp.StatusTooManyRequests, "TooMany", "Too often, or too many at once.",
		engine.Errorf(engine.Overloaded, codeRateLimited, ""), true, always,
	},
	{
		fasthttp.StatusInternalServerError, "Broken", "A bug of ours. Whether the request had its effect, the same request says.",
		engine.Errorf(engine.Internal, engine.CodeInternal, ""), false, always,
	},
	{
		fasthttp.StatusServiceUnavailable, "Unavailable", "We are busy, restarting, or not done yet.",
		engine.Errorf(engine.Overloaded, engine.CodeStillRunning, ""), true, always,
	},
}

// response is the refusal in the document, with a problem as clients get it.
func (r refusal) response() *huma.Response {
	example := newProblem(&call{id: "01kapw8c2vf8xtr0q6ynd9b5mh"}, r.status, r.example)
	out := &huma.Response{
		Description: r.when, Headers: everyAnswers(),
		Content: map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{Ref: schemaPath + "Problem"}, Example: example}},
	}
	if r.comes {
		out.Headers[fasthttp.HeaderRetryAfter] = &huma.Header{Ref: "#/components/headers/RetryAfter"}
	}
	if r.status == fasthttp.StatusUnauthorized {
		out.Headers[fasthttp.HeaderWWWAuthenticate] = &huma.Header{Ref: "#/components/headers/Authenticate"}
	}
	return out
}

const schemaPath = "#/components/schemas/"

// everyAnswers are the headers that no answer is without.
func everyAnswers() map[string]*huma.Header {
	return map[string]*huma.Header{
		"X-Request-Id":                 {Ref: "#/components/headers/RequestID"},
		fasthttp.HeaderContentLanguage: {Ref: "#/components/headers/ContentLanguage"},
	}
}

func etagHeader() map[string]*huma.Header {
	return map[string]*huma.Header{fasthttp.HeaderETag: {
		Schema: &huma.Schema{Type: huma.TypeString}, Description: "As with 200.",
	}}
}

// followed describes the stream, which Huma does not serve.
func followed() huma.Operation {
	text := func() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }
	return huma.Operation{
		OperationID: "follow-payment", Tags: []string{"payments"},
		Summary: "What happens to a payment, as it happens",
		Description: "Server-Sent Events: those with an id are facts, payment is what it has become. An EventSource comes again " +
			"by itself, and stops when it is told 204: nothing more is to come.",
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true, Schema: text(), Example: exampleID},
			{
				Name: "Last-Event-ID", In: "header", Schema: text(), Example: "3",
				Description: "The id of the last event you have: those after it come first.",
			},
			{Name: "last_event_id", In: "query", Schema: text(), Example: "3", Description: "The same, for whoever can't set the header."},
		},
		Responses: map[string]*huma.Response{
			"200": {Description: "The stream.", Content: map[string]*huma.MediaType{eventsType: {Schema: text(), Example: exampleEvents}}},
			"204": {Description: "Nothing more is to come."},
		},
	}
}

// rehearsed is what a proposal that was only tried is answered with.
func rehearsed() map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: "With dry_run: what would be proposed, and what it would move.",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: schemaPath + "Proposal"}}},
	}}
}

// complete adds to an operation's description what its row says and what every answer has.
func (s *Server) complete(r *route, op *huma.Operation) {
	op.Parameters = append(op.Parameters, &huma.Param{Ref: "#/components/parameters/AcceptLanguage"})
	if op.RequestBody != nil {
		if !op.RequestBody.Required {
			op.RequestBody.Description = "May be left out."
		}
		for _, m := range op.RequestBody.Content {
			m.Examples = requestExamples[op.OperationID]
		}
	}
	for status, response := range op.Responses {
		if status >= "4" { // and "default": Huma's own guess
			delete(op.Responses, status)
			continue
		}
		if response.Headers == nil {
			response.Headers = map[string]*huma.Header{}
		}
		for name, header := range everyAnswers() {
			response.Headers[name] = header
		}
		if example, given := answerExamples[op.OperationID]; given && response.Content["application/json"] != nil {
			response.Content["application/json"].Example = example
		}
	}
	for _, refusal := range refusals {
		if refusal.applies(r, op) {
			op.Responses[strconv.Itoa(refusal.status)] = &huma.Response{Ref: "#/components/responses/" + refusal.name}
		}
	}
}

// documents are the API's description as served, spelled once, before the first
// request, with its keys sorted: a change of the contract is a diff.
type documents struct{ v31, v30 []byte }

func (d *documents) spell(api *huma.OpenAPI) error {
	v31, err := api.MarshalJSON()
	if err != nil {
		return err
	}
	v30, err := api.Downgrade() // generators of Dart clients still mishandle 3.1
	if err != nil {
		return err
	}
	for _, page := range []struct {
		compact []byte
		out     *[]byte
	}{{v31, &d.v31}, {v30, &d.v30}} {
		var tree any
		if err := json.Unmarshal(page.compact, &tree); err != nil {
			return err
		}
		if *page.out, err = json.MarshalIndent(tree, "", "  "); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) openAPI31(ctx *fasthttp.RequestCtx, _ *call) { openAPI(ctx, s.documents.v31) }
func (s *Server) openAPI30(ctx *fasthttp.RequestCtx, _ *call) { openAPI(ctx, s.documents.v30) }

func openAPI(ctx *fasthttp.RequestCtx, page []byte) {
	ctx.SetContentType("application/vnd.oai.openapi+json")
	ctx.SetBody(page)
}
