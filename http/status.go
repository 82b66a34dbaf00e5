package http

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

type getPaymentInput struct {
	ID    string `path:"id" maxLength:"64" example:"pay_01kapw8c2vf8xtr0q6ynd9b5mh"`
	Wait  string `query:"wait" pattern:"^[0-9]{1,6}(ms|s)$" doc:"How long the answer may wait for a change: 25s at most, more counts as that. Over it, the payment is answered as it is." example:"25s"`
	Since int    `query:"since_version" minimum:"1" doc:"The version you have: a newer one is answered at once. Without it, and without If-None-Match, a wait is for the next change, unless the payment is over." example:"3"`
	Match string `header:"If-None-Match" maxLength:"128" doc:"The ETag you have: 304 while it is still so. With wait it says which version you have, as since_version does." example:"W/\"3-fr\""`
}

type getPaymentOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"The version and the language. Weak: a text may name the operators that work at the moment."`
	Body   Payment
}

// getPayment tells all about a payment, at once or when there is news.
func (s *Server) getPayment(ctx context.Context, c *call, in *getPaymentInput) (*getPaymentOutput, error) {
	st, err := s.ownPayment(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Wait != "" {
		if st, err = s.wait(ctx, c, in, st); err != nil {
			return nil, err
		}
	}
	out := &getPaymentOutput{Status: fasthttp.StatusOK, ETag: etag(st.Transaction.Version, c.language)}
	if matches(in.Match, out.ETag) {
		out.Status = fasthttp.StatusNotModified
		return out, nil
	}
	out.Body = s.paymentFor(c, st)
	return out, nil
}

// wait holds the answer back until the payment is newer than what the caller has.
func (s *Server) wait(ctx context.Context, c *call, in *getPaymentInput, st engine.Statement) (engine.Statement, error) {
	patience, err := time.ParseDuration(in.Wait)
	if err != nil { // the schema has read it
		return st, engine.Errorf(engine.Invalid, codeFieldMalformed, "a duration such as 25s").At("query.wait")
	}
	known := in.Since
	if known == 0 {
		known = versionOf(in.Match)
	}
	if known == 0 {
		if st.Transaction.Terminal() {
			return st, nil
		}
		known = st.Transaction.Version
	}
	if st.Transaction.Version > known || patience == 0 {
		return st, nil
	}
	leave, err := s.classes.wait.share(c.principal)
	if err != nil {
		return st, err
	}
	defer leave()
	shown := s.shown(c, st)
	differs := func(now engine.Statement) bool {
		return now.Transaction.Version > known && !bytes.Equal(s.shown(c, now), shown)
	}
	return s.watcher.change(ctx, st, differs, min(patience, waitMax)), nil
}

// shown is all that whoever asks can see of a payment. Its version is left out: it counts
// every commit, also that a gateway was asked once more and knew nothing new.
func (s *Server) shown(c *call, st engine.Statement) []byte {
	p := s.paymentFor(c, st)
	p.Version = 0
	told, err := encode(p)
	if err != nil {
		panic(err) // a payment of ours always encodes
	}
	return told
}

// etag is a payment's as told in a language.
func etag(version int, l language) string { return fmt.Sprintf(`W/"%d-%s"`, version, l) }

// matches compares as RFC 9110, 13.1.2 has it: weakly, with any of a list.
func matches(given, tag string) bool {
	for one := range strings.SplitSeq(given, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

var tagOfOurs = regexp.MustCompile(`^(?:W/)?"([0-9]{1,9})-(?:fr|en)"$`)

// versionOf is the version that an If-None-Match names; 0 when it is no tag of ours.
func versionOf(given string) int {
	if found := tagOfOurs.FindStringSubmatch(strings.TrimSpace(given)); found != nil {
		if version, err := strconv.Atoi(found[1]); err == nil {
			return version
		}
	}
	return 0
}
