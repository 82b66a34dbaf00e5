package http

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// Proposal is something one member of staff asks another to approve.
type Proposal struct {
	ID        string         `json:"id,omitempty" doc:"Absent of a rehearsal." example:"prp_01kapw8c2vf8xtr0q6ynd9b5mh"`
	Kind      engine.ActKind `json:"kind" doc:"release, end_review, payout_retry, payout_paid, settle_refund, suspense_return, suspense_keep or wallet." example:"release"`
	PaymentID string         `json:"payment_id,omitempty" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
	TalentID  string         `json:"talent_id" example:"tl_77"`
	Number    int            `json:"number,omitempty" doc:"Of the payout's try, the refund or the attempt it is about." example:"1"`
	Review    engine.Review  `json:"review,omitempty" doc:"Of end_review: what was doubted when it was proposed."`
	Through   engine.Gateway `json:"through,omitempty" doc:"Of settle_refund: whose balance paid."`
	Operator  phone.Operator `json:"operator,omitempty" doc:"Of a wallet."`
	Phone     string         `json:"phone,omitempty" doc:"Of a wallet, masked." example:"+225 07****56"`
	Name      string         `json:"name,omitempty" doc:"Of a wallet."`
	Amount    int64          `json:"amount" doc:"Whole francs it is about: they count towards what its second person may approve in a day." example:"15000"`
	Maker     string         `json:"maker" example:"awa"`
	Reason    string         `json:"reason" example:"the venue confirmed by telephone"`
	MadeAt    *time.Time     `json:"made_at,omitempty"`
	EndsAt    *time.Time     `json:"ends_at,omitempty" doc:"Then it is over, ruled on or not."`
	Checker   string         `json:"checker,omitempty" example:"koffi"`
	CheckedAt *time.Time     `json:"checked_at,omitempty"`
	Verdict   string         `json:"verdict,omitempty" doc:"approved or refused; absent while nobody has ruled." example:"approved"`
	Would     []string       `json:"would,omitempty" doc:"What it moved when it was tried on the payment as it was: machine, from, to."`
}

const proposalPrefix = "prp_"

type proposeInput struct {
	DryRun bool `query:"dry_run" doc:"Try it, and propose nothing."`
	Body   struct {
		Kind      engine.ActKind `json:"kind" enum:"release,end_review,payout_retry,payout_paid,settle_refund,suspense_return,suspense_keep,wallet" example:"release"`
		PaymentID string         `json:"payment_id,omitempty" maxLength:"40" doc:"For all but a wallet." example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
		TalentID  string         `json:"talent_id,omitempty" maxLength:"64" pattern:"^[A-Za-z0-9_.-]*$" doc:"For a wallet."`
		Number    int            `json:"number,omitempty" minimum:"0" maximum:"1000" doc:"Of the payout's try, the refund or the attempt; the last one when not given."`
		Through   engine.Gateway `json:"through,omitempty" enum:"paystack,fedapay" doc:"For settle_refund: whose balance paid; the refund's own gateway when not given."`
		Operator  string         `json:"operator,omitempty" enum:"orange,mtn,wave,moov" doc:"For a wallet."`
		Phone     string         `json:"phone,omitempty" maxLength:"32" doc:"For a wallet."`
		Name      string         `json:"name,omitempty" maxLength:"100" doc:"For a wallet."`
		Reason    string         `json:"reason" minLength:"1" maxLength:"500" example:"the venue confirmed by telephone"`
	}
}

type proposalOutput struct {
	Status int
	Body   Proposal
}

// propose writes down what a colleague is to approve, once it would work.
func (s *Server) propose(ctx context.Context, c *call, in *proposeInput) (*proposalOutput, error) {
	p, would, err := s.proposalOf(ctx, c, in)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		out := proposalShown(p)
		out.Would = would
		return &proposalOutput{fasthttp.StatusOK, out}, nil
	}
	if p.ID, err = newID(); err != nil {
		return nil, err
	}
	by, err := c.act(engine.ActPropose, p.Reason)
	if err != nil {
		return nil, err
	}
	made, err := s.ports.Staff.Propose(ctx, p, by)
	if err != nil {
		return nil, err
	}
	out := proposalShown(made)
	out.Would = would
	if made.ID != p.ID { // the answer to it was lost: it is proposed once
		return &proposalOutput{fasthttp.StatusOK, out}, nil
	}
	return &proposalOutput{fasthttp.StatusCreated, out}, nil
}

// act is what the caller answers for.
func (c *call) act(kind engine.ActKind, reason string) (engine.Act, error) {
	id, err := newID()
	return engine.Act{
		ID: id, Kind: kind, Who: c.principal.Subject, Role: c.principal.Role, Address: c.from.String(), Reason: reason,
	}, err
}

// proposalOf makes a proposal of a request, tries it, and says what it would move.
func (s *Server) proposalOf(ctx context.Context, c *call, in *proposeInput) (p engine.Proposal, would []string, err error) {
	b := in.Body
	p = engine.Proposal{
		Kind: b.Kind, Talent: b.TalentID, Number: b.Number, Through: b.Through, Maker: c.principal.Subject, Reason: strings.TrimSpace(b.Reason),
	}
	if p.Reason == "" {
		return p, nil, engine.Errorf(engine.Invalid, codeFieldMissing, "say why").At("reason")
	}
	if p.Kind == engine.ActWallet {
		return s.walletProposal(c, p, in)
	}
	st, err := s.ownPayment(ctx, c, b.PaymentID)
	if err != nil {
		return p, nil, err
	}
	t := st.Transaction
	p.Payment, p.Talent, p.Amount = t.ID, t.Talent, int64(t.Amount)
	switch p.Kind {
	case engine.ActEndReview:
		p.Review = t.Review
	case engine.ActReissue, engine.ActPayoutPaid:
		if t.Payout != nil {
			p.Amount = int64(t.Payout.Amount)
			if p.Number == 0 {
				p.Number = len(t.Payout.Tries)
			}
		}
	case engine.ActSettleRefund:
		if p.Number == 0 {
			p.Number = len(t.Refunds)
		}
		if p.Number > 0 && p.Number <= len(t.Refunds) {
			p.Amount = int64(t.Refunds[p.Number-1].Amount)
		}
	case engine.ActReturn, engine.ActKeep:
		for _, a := range t.Attempts {
			if a.Disposition == engine.Suspense && (p.Number == 0 || p.Number == a.No) {
				p.Number, p.Amount = a.No, int64(a.Captured)
			}
		}
	}
	would, err = s.wouldMove(t, p)
	return p, would, err
}

// wouldMove tries a proposal on a payment as it is.
func (s *Server) wouldMove(t engine.Transaction, p engine.Proposal) (would []string, err error) {
	now := time.Now().UTC()
	decision, err := t.Decide(p.Command(), engine.Given{Now: now, Fresh: t.ID, Policy: s.cfg.Policy, Health: s.ports.Outside.Health()})
	for _, m := range decision.Moves {
		would = append(would, strings.Join(strings.Fields(m.Machine+" "+m.From+" → "+m.To), " "))
	}
	return would, err
}

// rehearse says what an approval would move now. How much its second person has left for
// today the database alone knows, when it is approved.
func (s *Server) rehearse(ctx context.Context, c *call, p engine.Proposal) (*proposalOutput, error) {
	out := proposalShown(p)
	if p.Kind == engine.ActWallet {
		out.Would = []string{walletWould(*p.Wallet)}
		return &proposalOutput{fasthttp.StatusOK, out}, nil
	}
	st, err := s.owned(ctx, c, p.Payment)
	if err == nil {
		out.Would, err = s.wouldMove(st.Transaction, p)
	}
	return &proposalOutput{fasthttp.StatusOK, out}, err
}

func walletWould(w engine.Wallet) string {
	return "wallet → " + w.Operator.Name() + " " + w.Phone.String()
}

func (s *Server) walletProposal(c *call, p engine.Proposal, in *proposeInput) (engine.Proposal, []string, error) {
	b := in.Body
	holder, wrong := s.numberOf(c, engine.Disburse, b.Operator, b.Phone)
	if b.TalentID == "" {
		wrong = append(wrong, engine.Errorf(engine.Invalid, codeFieldMissing, "whose wallet?").At("talent_id"))
	}
	name := strings.TrimSpace(b.Name)
	if name == "" {
		wrong = append(wrong, engine.Errorf(engine.Invalid, codeFieldMissing, "as the operator knows its holder").At("name"))
	}
	if len(wrong) > 0 {
		return p, nil, wrong
	}
	p.Wallet = &engine.Wallet{Operator: holder.Operator, Phone: holder.Phone, Name: name}
	return p, []string{walletWould(*p.Wallet)}, nil
}

type listProposalsInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"100" default:"100"`
}

type proposalsOutput struct {
	Body struct {
		Proposals []Proposal `json:"proposals"`
	}
}

func (s *Server) listProposals(ctx context.Context, _ *call, in *listProposalsInput) (*proposalsOutput, error) {
	all, err := s.ports.Staff.Proposals(ctx, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &proposalsOutput{}
	out.Body.Proposals = make([]Proposal, 0, len(all))
	for _, p := range all {
		out.Body.Proposals = append(out.Body.Proposals, proposalShown(p))
	}
	return out, nil
}

type ruleInput struct {
	ID     string `path:"id" maxLength:"64" example:"prp_01kapw8c2vf8xtr0q6ynd9b5mh"`
	DryRun bool   `query:"dry_run" doc:"Try it on the payment as it is now, and rule on nothing."`
	Body   struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" example:"seen on the gateway's page"`
	}
}

// approve does what was proposed. The schema refuses whoever proposed it, and more
// than the approver may in a day.
func (s *Server) approve(ctx context.Context, c *call, in *ruleInput) (*proposalOutput, error) {
	p, by, err := s.ruling(ctx, c, in)
	if err != nil {
		return nil, err
	}
	if said, err := alreadyRuled(p, by, verdictApproved); said || err != nil {
		return &proposalOutput{fasthttp.StatusOK, proposalShown(p)}, err
	}
	if p.Maker == by.Who { // the schema's word, said before anything else that is wrong
		return nil, engine.Errorf(engine.Forbidden, engine.CodeSamePerson, "who proposes does not approve: another member of finance does")
	}
	if in.DryRun {
		return s.rehearse(ctx, c, p)
	}
	by.Kind, by.Proposal = p.Kind, p.ID
	if p.Kind == engine.ActWallet {
		_, err = s.ports.Staff.SetWalletByStaff(ctx, p.Talent, *p.Wallet, by)
	} else {
		c.transaction = p.Payment
		_, err = s.ports.Asker.Ask(ctx, engine.Ask{Transaction: p.Payment, Command: p.Command(), Act: &by})
	}
	if err != nil {
		return s.ruledAtOnce(ctx, by, verdictApproved, err)
	}
	return s.ruled(ctx, p.ID)
}

// ruledAtOnce answers whoever came second of two who ruled at once: as the first, when
// both are one person who lost patience, and with what was refused otherwise.
func (s *Server) ruledAtOnce(ctx context.Context, by engine.Act, verdict string, refused error) (*proposalOutput, error) {
	p, err := s.ports.Staff.Proposal(ctx, by.Proposal)
	if err != nil {
		return nil, refused
	}
	if said, _ := alreadyRuled(p, by, verdict); !said {
		return nil, refused
	}
	return &proposalOutput{fasthttp.StatusOK, proposalShown(p)}, nil
}

// refuseProposal rules against it: nothing moves.
func (s *Server) refuseProposal(ctx context.Context, c *call, in *ruleInput) (*proposalOutput, error) {
	p, by, err := s.ruling(ctx, c, in)
	if err != nil {
		return nil, err
	}
	if said, err := alreadyRuled(p, by, verdictRefused); said || in.DryRun || err != nil {
		return &proposalOutput{fasthttp.StatusOK, proposalShown(p)}, err
	}
	by.Proposal = p.ID
	if err := s.ports.Staff.Refuse(ctx, p.ID, by); err != nil {
		return s.ruledAtOnce(ctx, by, verdictRefused, err)
	}
	return s.ruled(ctx, p.ID)
}

// What is ruled of a proposal.
const (
	verdictApproved = "approved"
	verdictRefused  = "refused"
)

// alreadyRuled reports that whoever rules has said just this before: the answer was
// lost, and saying it again changes nothing. Anything else about a proposal that was ruled
// on is a Conflict. Of two who rule at once the schema lets one through.
func alreadyRuled(p engine.Proposal, by engine.Act, verdict string) (bool, error) {
	switch {
	case p.Verdict == "":
		return false, nil
	case p.Verdict == verdict && p.Checker == by.Who:
		return true, nil
	}
	return false, engine.Errorf(engine.Conflict, engine.CodeProposalOver, "%s has ruled on it: %s", p.Checker, p.Verdict)
}

func (s *Server) ruling(ctx context.Context, c *call, in *ruleInput) (p engine.Proposal, by engine.Act, err error) {
	id, err := engine.ParsePublicID(proposalPrefix, in.ID)
	if err != nil {
		return p, by, engine.Errorf(engine.NotFound, engine.CodeProposalUnknown, "there is no such proposal")
	}
	if p, err = s.ports.Staff.Proposal(ctx, id); err != nil {
		return p, by, err
	}
	by, err = c.act(engine.ActRefuse, strings.TrimSpace(in.Body.Reason))
	if err == nil && by.Reason == "" {
		err = engine.Errorf(engine.Invalid, codeFieldMissing, "say why").At("reason")
	}
	return p, by, err
}

func (s *Server) ruled(ctx context.Context, id engine.ID) (*proposalOutput, error) {
	p, err := s.ports.Staff.Proposal(ctx, id)
	if err != nil {
		return nil, err
	}
	return &proposalOutput{fasthttp.StatusOK, proposalShown(p)}, nil
}

func proposalShown(p engine.Proposal) Proposal {
	out := Proposal{
		Kind: p.Kind, TalentID: p.Talent, Number: p.Number, Review: p.Review, Through: p.Through, Amount: p.Amount, Maker: p.Maker,
		Reason: p.Reason, MadeAt: moment(p.MadeAt), EndsAt: moment(p.EndsAt), Checker: p.Checker, CheckedAt: moment(p.CheckedAt),
		Verdict: p.Verdict,
	}
	if !p.ID.IsZero() {
		out.ID = proposalPrefix + p.ID.String()
	}
	if !p.Payment.IsZero() {
		out.PaymentID = p.Payment.Payment()
	}
	if p.Wallet != nil {
		out.Operator, out.Phone, out.Name = p.Wallet.Operator, p.Wallet.Phone.String(), p.Wallet.Name
	}
	return out
}

type verifyInput struct {
	ID   string `path:"id" maxLength:"64" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500" doc:"Staff say why." example:"the payer asks"`
	}
}

type verifyOutput struct{ Body Payment }

// verifyPayment has the gateways asked. It moves nothing itself.
func (s *Server) verifyPayment(ctx context.Context, c *call, in *verifyInput) (*verifyOutput, error) {
	st, err := s.ownPayment(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	ask := engine.Ask{Transaction: st.Transaction.ID, Command: engine.LookAgain{}}
	if c.principal.Role.IsStaff() {
		if in.Body == nil || strings.TrimSpace(in.Body.Reason) == "" {
			return nil, engine.Errorf(engine.Invalid, codeFieldMissing, "say why").At("reason")
		}
		act, err := c.act(engine.ActLook, strings.TrimSpace(in.Body.Reason))
		if err != nil {
			return nil, err
		}
		ask.Act = &act
	}
	if _, err := s.ports.Asker.Ask(ctx, ask); err != nil {
		return nil, err
	}
	if st, err = s.owned(ctx, c, st.Transaction.ID); err != nil {
		return nil, err
	}
	return &verifyOutput{s.paymentFor(c, st)}, nil
}

// AuditLine is one thing somebody did.
type AuditLine struct {
	ID         string         `json:"id" example:"act_01kapw8c2vf8xtr0q6ynd9b5mh"`
	At         time.Time      `json:"at"`
	Kind       engine.ActKind `json:"kind" example:"release"`
	Who        string         `json:"who" example:"koffi"`
	Role       engine.Role    `json:"role" example:"finance"`
	Address    string         `json:"address,omitempty" doc:"Where from." example:"192.0.2.1"`
	PaymentID  string         `json:"payment_id,omitempty" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
	ProposalID string         `json:"proposal_id,omitempty" example:"prp_01kapw8c2vf8xtr0q6ynd9b5mh"`
	Subject    string         `json:"subject,omitempty" doc:"A talent, a key, a notification, a breaker."`
	Reason     string         `json:"reason" example:"seen on the gateway's page"`
	Before     map[string]any `json:"before,omitempty" doc:"What it was."`
	After      map[string]any `json:"after,omitempty" doc:"What it became."`
}

const actPrefix = "act_"

type auditInput struct {
	PaymentID string `query:"payment_id" maxLength:"40" doc:"Of one payment." example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
	Before    string `query:"before" maxLength:"40" doc:"The last id of the page before." example:"act_01kapw8c2vf8xtr0q6ynd9b5mh"`
	Limit     int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}

type auditOutput struct {
	Body struct {
		Acts []AuditLine `json:"acts"`
	}
}

func (s *Server) listAudit(ctx context.Context, _ *call, in *auditInput) (*auditOutput, error) {
	var payment, before engine.ID
	for _, part := range []struct {
		prefix, text, field string
		into                *engine.ID
	}{{engine.PaymentPrefix, in.PaymentID, "query.payment_id", &payment}, {actPrefix, in.Before, "query.before", &before}} {
		if part.text == "" {
			continue
		}
		id, err := engine.ParsePublicID(part.prefix, part.text)
		if err != nil {
			return nil, engine.Errorf(engine.Invalid, codeFieldMalformed, "%s and 26 characters", part.prefix).At(part.field)
		}
		*part.into = id
	}
	records, err := s.ports.Staff.Audit(ctx, payment, before, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &auditOutput{}
	out.Body.Acts = make([]AuditLine, 0, len(records))
	for _, r := range records {
		line := AuditLine{
			ID: actPrefix + r.ID.String(), At: r.At, Kind: r.Kind, Who: r.Who, Role: r.Role, Address: r.Address, Subject: r.Subject,
			Reason: r.Reason, Before: facts(r.Before), After: facts(r.After),
		}
		if !r.Payment.IsZero() {
			line.PaymentID = r.Payment.Payment()
		}
		if !r.Proposal.IsZero() {
			line.ProposalID = proposalPrefix + r.Proposal.String()
		}
		out.Body.Acts = append(out.Body.Acts, line)
	}
	return out, nil
}

// facts reads what the audit keeps as JSON. What can't be read is left out: it is
// still in the table.
func facts(kept []byte) map[string]any {
	var out map[string]any
	if err := json.Unmarshal(kept, &out); err != nil {
		return nil
	}
	return out
}
