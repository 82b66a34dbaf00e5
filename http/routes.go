package http

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http/humafast"
)

// route is a row of the table: nothing is reachable that has no row.
type route struct {
	method, path string
	who          access
	class        *class
	mount        func(r *route)
}

// table is every route of the public listener, who may use it, and what it
// shares its limits with.
func (s *Server) table() []route {
	return slices.Concat(s.paymentRoutes(), s.talentRoutes(), s.staffRoutes(), s.openRoutes())
}

func (s *Server) paymentRoutes() []route {
	const get, post = fasthttp.MethodGet, fasthttp.MethodPost
	k := s.classes
	pays := platforms(engine.ScopePaymentsWrite, engine.RolePayer)
	return []route{
		{post, "/v1/payments/initiate", pays, k.money, described(s, s.initiate, huma.Operation{
			OperationID: "initiate-payment", Tags: []string{"payments"}, DefaultStatus: fasthttp.StatusAccepted,
			Summary: "Ask a payer for the price of a booking",
			Description: "Commits the payment, asks the gateway, and answers as soon as there is something to tell the payer, " +
				"after three seconds at the latest. Follow next_action, then poll. A payer's own token begins only what their platform " +
				"has signed in it: the claims booking_id, talent_id and amount are those of the body.",
		})},
		{post, "/v1/payments/submit_otp", pays, k.money, described(s, s.submitOTP, huma.Operation{
			OperationID: "submit-otp", Tags: []string{"payments"}, DefaultStatus: fasthttp.StatusAccepted,
			Summary:     "Pass on the code the payer typed",
			Description: "A wrong code does not fail the payment: next_action asks for another one.",
		})},
		{post, "/v1/payments/{id}/cancel", pays, k.money, described(s, s.cancelPayment, huma.Operation{
			OperationID: "cancel-payment", Tags: []string{"payments"},
			Summary: "The payer no longer wants to pay this way",
			Description: "Frees the booking for another payment, for good. A request that is still on the payer's phone, or on a page, " +
				"can't be taken back: what it takes all the same is refunded.",
		})},
		{
			post, "/v1/payments/{id}/verify", platforms(engine.ScopePaymentsRead, engine.RoleSupport, engine.RoleFinance), k.money,
			described(s, s.verifyPayment, huma.Operation{
				OperationID: "verify-payment", Tags: []string{"payments"},
				Summary: "Have the gateways asked again",
				Description: "Asks every gateway that may know more, once a minute at most, and answers with the payment as it is: " +
					"what they say changes it a moment later. Staff say why.",
			}),
		},
		{
			get, "/v1/payments", seers(engine.ScopePaymentsRead), k.list,
			listed(s, s.listPayments, huma.Operation{
				OperationID: "list-payments", Tags: []string{"payments"},
				Summary:     "Payments, the latest first, by what they are or by any of their names",
				Description: "Filters narrow it together. A filter that is misspelt is refused, not passed over.",
			}),
		},
		{
			get, "/v1/payments/{id}", seers(engine.ScopePaymentsRead, engine.RolePayer, engine.RoleTalent), k.read,
			described(s, s.getPayment, huma.Operation{
				OperationID: "get-payment", Tags: []string{"payments"},
				Summary: "Where a payment stands, and how it got there",
				Description: "At once, or with wait as soon as there is news. To follow a payment, ask again and again with " +
					"wait=25s and since_version, the version of the answer before; or take its events, " +
					"/v1/payments/{id}/events, as Server-Sent Events: those with an id are facts, payment is what it has become.",
				Responses: map[string]*huma.Response{"304": {Description: "If-None-Match names what it still is.", Headers: etagHeader()}},
			}),
		},
		{
			get, "/v1/payments/{id}/events", seers(engine.ScopePaymentsRead, engine.RolePayer, engine.RoleTalent), k.stream,
			s.told(s.streamEvents, followed()),
		},
		{
			post, "/v1/booking_requests/{booking}/confirm_delivery", platforms(engine.ScopeEscrowWrite, engine.RolePayer), k.money,
			described(s, s.confirmDelivery, huma.Operation{
				OperationID: "confirm-delivery", Tags: []string{"escrow"},
				Summary:     "The payer has had the performance: release the money",
				Description: "Ends the hold in the talent's favour; the payout follows by itself.",
			}),
		},
	}
}

func (s *Server) talentRoutes() []route {
	return []route{
		{
			fasthttp.MethodGet, "/v1/talents/{talent}/balance", seers(engine.ScopeTalentsRead, engine.RoleTalent), s.classes.read,
			described(s, s.getBalance, huma.Operation{
				OperationID: "get-balance", Tags: []string{"talents"},
				Summary:     "What a talent has, was paid this month, and is still to be released",
				Description: "Sums of the ledger, as they are at as_of.",
			}),
		},
		{
			fasthttp.MethodPut, "/v1/talents/{talent}/wallet", platforms(engine.ScopeTalentsWrite, engine.RoleTalent), s.classes.money,
			described(s, s.putWallet, huma.Operation{
				OperationID: "put-wallet", Tags: []string{"talents"},
				Summary:     "Where a talent's payouts go",
				Description: "Saying the same again changes nothing, so it needs no Idempotency-Key. Payouts that waited for a wallet go on.",
			}),
		},
		{
			fasthttp.MethodGet, "/v1/payouts", seers(engine.ScopePaymentsRead, engine.RoleTalent), s.classes.list,
			listed(s, s.listPayouts, huma.Operation{
				OperationID: "list-payouts", Tags: []string{"payouts"},
				Summary:     "Payouts, and what those that are not paid wait for",
				Description: "What waits for a wallet goes on when there is one; what waits for a retry goes on by itself.",
			}),
		},
	}
}

// staffRoutes are what people do to money by hand, two by two.
func (s *Server) staffRoutes() []route {
	const get, post = fasthttp.MethodGet, fasthttp.MethodPost
	k := s.classes
	return []route{
		{post, "/v1/staff/proposals", staff(engine.RoleFinance), k.money, described(s, s.propose, huma.Operation{
			OperationID: "propose", Tags: []string{"staff"}, DefaultStatus: fasthttp.StatusCreated,
			Summary: "Ask a colleague to approve something that moves money by hand",
			Description: "Nothing moves yet. It is tried first on the payment as it is now, and refused if it would be. " +
				"Another member of finance approves it within a day.",
			Responses: rehearsed(),
		})},
		{get, "/v1/staff/proposals", staff(engine.StaffRoles...), k.read, described(s, s.listProposals, huma.Operation{
			OperationID: "list-proposals", Tags: []string{"staff"},
			Summary:     "What waits for a second person, oldest first",
			Description: "A proposal nobody rules on within a day is over.",
		})},
		{post, "/v1/staff/proposals/{id}/approve", staff(engine.RoleFinance), k.money, described(s, s.approve, huma.Operation{
			OperationID: "approve", Tags: []string{"staff"},
			Summary: "Approve what a colleague proposed: it is done",
			Description: "In one commit with its approval and the audit's line. A proposal is ruled on once: whoever approved it and sends " +
				"that again is told the same, anybody else proposal_over.",
		})},
		{post, "/v1/staff/proposals/{id}/refuse", staff(engine.RoleFinance), k.money, described(s, s.refuseProposal, huma.Operation{
			OperationID: "refuse", Tags: []string{"staff"},
			Summary:     "Rule against a proposal, or take one's own back",
			Description: "Nothing moves. Who proposed it may do this alone.",
		})},
		{get, "/v1/staff/audit", staff(engine.RoleFinance, engine.RoleAdmin), k.read, described(s, s.listAudit, huma.Operation{
			OperationID: "list-audit", Tags: []string{"staff"},
			Summary:     "What people did, the latest first",
			Description: "Written in the commit of what was done, and never changed.",
		})},
	}
}

// openRoutes are those a gateway's signature guards, and those nothing does.
func (s *Server) openRoutes() []route {
	const get = fasthttp.MethodGet
	k := s.classes
	return []route{
		{fasthttp.MethodPost, "/webhooks/{gateway}", gateway, k.webhook, s.raw(s.receive)},
		{get, "/return/{payment}", anybody, k.public, s.raw(s.comeBack)},
		{get, "/docs", anybody, k.public, s.raw(s.docsPage)},
		{get, cataloguePath, anybody, k.public, s.raw(s.errorsPage)},
		{get, "/openapi.json", anybody, k.public, s.raw(s.openAPI31)},
		{get, "/openapi-3.0.json", anybody, k.public, s.raw(s.openAPI30)},
	}
}

// mount builds the router and the API from the table.
func (s *Server) mount() error {
	s.router = router.New()
	// One address, one spelling: nothing is guessed, redirected or answered for us.
	s.router.RedirectTrailingSlash, s.router.RedirectFixedPath = false, false
	s.router.HandleOPTIONS, s.router.HandleMethodNotAllowed = false, false
	s.router.NotFound = s.unmatched
	s.api = humafast.New(apiConfig(s.cfg.Version), humafast.Config{Mount: s.mountOperation, Context: contextFrom})
	s.routes = s.table()
	for i := range s.routes {
		s.routes[i].mount(&s.routes[i])
	}
	if err := s.documents.spell(s.api.OpenAPI()); err != nil {
		return err
	}
	return s.spellPages()
}

// described is a row that Huma decodes, validates and documents.
func described[I, O any](s *Server, handler func(context.Context, *call, *I) (*O, error), op huma.Operation) func(*route) {
	return func(r *route) {
		op.Method, op.Path = r.method, r.path
		op.RejectUnknownQueryParameters = true // a filter that is misspelt must not find everything, nor a wait be none
		op.Security = []map[string][]string{{bearerScheme: {}}}
		op.MaxBodyBytes = apiBodyBytesMax + 1 // the server's own limit comes first, and is exact
		huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
			c := callOf(ctx)
			out, err := handler(ctx, c, in)
			if err != nil {
				return nil, s.problem(c, err)
			}
			return out, nil
		})
		s.complete(r, operationOf(s.api.OpenAPI().Paths[r.path], r.method))
	}
}

// told is a raw row that is described all the same.
func (s *Server) told(handler func(*fasthttp.RequestCtx, *call), op huma.Operation) func(*route) {
	mount := s.raw(handler)
	return func(r *route) {
		mount(r)
		op.Method, op.Path, op.Security = r.method, r.path, []map[string][]string{{bearerScheme: {}}}
		s.complete(r, &op)
		s.api.OpenAPI().AddOperation(&op)
	}
}

// raw is a row whose handler reads the bytes itself.
func (s *Server) raw(handler func(*fasthttp.RequestCtx, *call)) func(*route) {
	return func(r *route) {
		s.router.Handle(r.method, r.path, s.guard(r, func(ctx *fasthttp.RequestCtx) { handler(ctx, callFrom(ctx)) }))
	}
}

// mountOperation is where Huma's handlers meet the table.
func (s *Server) mountOperation(op *huma.Operation, handler fasthttp.RequestHandler) {
	i := slices.IndexFunc(s.routes, func(r route) bool { return r.method == op.Method && r.path == op.Path })
	if i < 0 {
		panic(fmt.Sprintf("http: %s %s has no row in the table", op.Method, op.Path))
	}
	s.router.Handle(op.Method, op.Path, s.guard(&s.routes[i], handler))
}

// unmatched answers 405 where another method is served, and 404 elsewhere.
func (s *Server) unmatched(ctx *fasthttp.RequestCtx) {
	if err := s.limitAddress(callFrom(ctx)); err != nil {
		s.refuse(ctx, callFrom(ctx), err)
		return
	}
	path, allowed := string(ctx.Path()), []string{}
	for method := range s.router.List() {
		if handler, _ := s.router.Lookup(method, path, nil); handler != nil {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		s.refuse(ctx, callFrom(ctx), engine.Errorf(engine.NotFound, codeRouteUnknown, "see /openapi.json"))
		return
	}
	slices.Sort(allowed)
	ctx.Response.Header.Set(fasthttp.HeaderAllow, strings.Join(allowed, ", "))
	s.refuse(ctx, callFrom(ctx), engine.Errorf(engine.Invalid, codeMethodNotAllowed, "see the Allow header"))
}
