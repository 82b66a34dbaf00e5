package http

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

func TestNoClassStarvesAnother(t *testing.T) {
	t.Parallel()
	k := newClasses(Within{})
	var sum int64
	for _, one := range []*class{k.webhook, k.money, k.read, k.public, k.wait, k.stream, k.export} {
		require.Positive(t, one.flightMax, one.name)
		sum += one.flightMax
	}
	require.LessOrEqual(t, sum, int64(connectionsMax))
}

func TestAPrincipalLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	k := &class{name: "wait", flightMax: 20}
	payer := engine.Principal{Role: engine.RolePayer, Platform: "platform", Subject: "awa"}
	platform := engine.Principal{Role: engine.RolePlatform, Platform: "platform"}
	var leave []func()
	for _, c := range []struct {
		who    engine.Principal
		places int
	}{{payer, phonePlacesMax}, {platform, 10}} {
		for range c.places {
			one, err := k.share(c.who)
			require.NoError(t, err)
			leave = append(leave, one)
		}
		_, err := k.share(c.who)
		require.Equal(t, codeTooManyAtOnce, engine.CodeOf(err))
	}
	leave[0]()
	again, err := k.share(payer)
	require.NoError(t, err, "a place that was given back is there again")
	for _, one := range append(leave[1:], again) {
		one()
	}
	require.Empty(t, k.shares, "who has none is forgotten")
}

func TestATableHasAnEnd(t *testing.T) {
	t.Parallel()
	within := Within{Export: time.Minute}
	s := &Server{base: t.Context(), cfg: Config{Within: within}, classes: newClasses(within), drain: make(chan struct{})}
	page := engine.Page{Transactions: make([]engine.Transaction, exportPage), Next: engine.ID{1}}
	c := &call{}
	require.NoError(t, s.export(c, "payments", []string{"id"}, engine.ID{}, func(context.Context, engine.ID) (engine.Page, error) {
		return page, nil // and another one for ever
	}, func(engine.Transaction) []string { return []string{"x"} }))
	bytes := 0
	for {
		lines, err := c.stream.next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		bytes += len(lines)
	}
	require.Equal(t, len("id\r\n")+exportRowsMax*len("x\r\n"), bytes)
	require.NoError(t, c.stream.Close())
	require.Empty(t, s.classes.export.shares)
	c = &call{}
	require.NoError(t, s.export(c, "payments", []string{"id"}, engine.ID{}, func(context.Context, engine.ID) (engine.Page, error) {
		return page, nil
	}, func(engine.Transaction) []string { return []string{"x"} }))
	_, err := c.stream.next()
	require.NoError(t, err)
	close(s.drain)
	_, err = c.stream.next()
	require.ErrorIs(t, err, errDraining, "a server that stops does not finish it")
}

func TestWhatASpreadsheetWouldReckonIsQuoted(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"'=1+1", "'+225 07****42", "'-1", "'@SUM(A1)", "'\tx", "'\rx", "x=1", ""},
		harmless([]string{"=1+1", "+225 07****42", "-1", "@SUM(A1)", "\tx", "\rx", "x=1", ""}))
}

func TestAReadThatTakesLongerHasPlacesOfItsOwn(t *testing.T) {
	t.Parallel()
	s := &Server{classes: newClasses(Within{})}
	k := s.classes
	for _, c := range []struct {
		asked, accept string
		from, to      *class
	}{
		{"", "", k.read, k.read}, {"?wait=", "", k.read, k.read}, {"?wait=25s", "", k.read, k.wait},
		{"?format=csv", "", k.list, k.export}, {"", "text/csv", k.list, k.export}, {"?format=json", "text/csv", k.list, k.list},
		{"?format=csv", "", k.read, k.read}, {"", "text/csv", k.read, k.read}, {"?format=csv&wait=25s", "", k.read, k.wait},
		{"?wait=25s", "text/csv", k.money, k.money}, {"?format=csv", "", k.webhook, k.webhook},
	} {
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI("/v1/payments" + c.asked)
		ctx.Request.Header.Set("Accept", c.accept)
		require.Equal(t, c.to.name, s.classOf(c.from, &ctx).name, fmt.Sprint(c.asked, " ", c.accept))
	}
}
