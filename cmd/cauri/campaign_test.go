package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// The campaign: ten thousand payers, two gateways, two engines on one database,
// and everything that can go wrong between them. Then quiet; then the gateways'
// own books are asked what each payer is out of pocket: the price, or nothing.

// campaignPayers is how many come, at campaignPace a second at most. Some begin
// a second payment, and some more payers come until every fault has struck.
const (
	campaignPayers = 10_000
	campaignPace   = 260
	campaignSeed   = 20_261
)

// Bounds of what is waited for, generous: what ends in time on a machine that is
// busy with other things is right, and nothing here says how fast it was.
const (
	crowdWithin = 4 * time.Minute
	quietWell   = 2 * time.Minute
	stragglers  = 60 // rounds of latecomers, at most, for cells that no call has met
	latecomers  = 80 // payers in a round
)

func TestCampaignNoPayerIsOutOfPocketWhateverGoesWrong(t *testing.T) {
	began := time.Now()
	w := newWorld(t)
	for talent, one := range wallets() {
		_, _, err := w.near.store.SetWallet(t.Context(), talent, one)
		require.NoError(t, err)
	}
	crowd := newCrowd(w)
	trouble := &nemesis{world: w, crowd: crowd, notSent: map[string]float64{}}
	suffer(t, w, crowd, trouble)
	suffered := time.Since(began)

	require.NoError(t, trouble.clear())
	require.Eventually(t, w.far.ready, time.Minute, 100*time.Millisecond, "the killed engine serves again")
	settling, cancel := context.WithTimeout(t.Context(), quietWell)
	defer cancel()
	require.NoError(t, w.quiet(settling), "everything comes to its end once the world is well")
	t.Logf("%s of trouble, %s until all was quiet", suffered.Round(time.Second), (time.Since(began) - suffered).Round(time.Second))

	v, err := w.judge(t.Context())
	require.NoError(t, err)
	settled, err := w.payoutsAgree(t.Context(), v)
	require.NoError(t, err)
	webhooks, err := w.webhooksKept(t.Context(), v)
	require.NoError(t, err)
	broken, err := w.near.store.CheckInvariants(t.Context())
	require.NoError(t, err)
	told := tell(t, w, crowd, trouble, v)
	t.Logf("%d francs reached talents; %d webhooks answered 2xx, each kept; %d requests looked up before they moved money",
		settled, webhooks, w.sampled.Load())

	require.Empty(t, v.wrong, "the gateways' own books")
	require.Zero(t, v.overcharged)
	require.Empty(t, broken, "invariants")
	require.Empty(t, crowd.broken, "what payers lived through")
	require.Zero(t, w.uncommitted.Load(), "requests that were ahead of their commit")
	require.Positive(t, w.sampled.Load())
	require.Positive(t, webhooks)
	require.Empty(t, told, "cells of the failure table that nothing has hit")
	require.GreaterOrEqual(t, sum(v.payments), campaignPayers)
}

// suffer sends the crowd through the faults, and latecomers until each fault has
// struck. It returns when the last payer has gone home.
func suffer(t *testing.T, w *world, c *crowd, n *nemesis) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), crowdWithin)
	defer cancel()
	require.NoError(t, w.inject())
	looking, stop := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	helpers.Go(func() { c.watch.run(looking) })
	helpers.Go(func() { // an operator works through the list of refunds meanwhile
		_ = every(looking, 2*time.Second, func() bool { _ = w.refundByHand(looking); return false }) // again in a moment, and at the end
	})
	defer helpers.Wait()
	defer stop()
	var striking sync.WaitGroup
	striking.Go(func() { n.run(ctx, campaignPayers) })

	dice := rand.New(rand.NewPCG(campaignSeed, 1)) //nolint:gosec // payers want repeatable dice
	pace := time.NewTicker(time.Second / campaignPace)
	defer pace.Stop()
	enter := func(payers []payer) {
		for _, who := range payers {
			<-pace.C
			require.NoError(t, c.enter(ctx, who))
		}
	}
	crowd := newPayers(dice, 0, campaignPayers)
	for _, some := range slices.Collect(slices.Chunk(crowd, campaignPayers/20)) {
		if some[0].n > campaignPayers/2 { // what chance has not struck by now is aimed at
			require.NoError(t, w.aim(w.unhit()))
		}
		enter(some)
	}
	striking.Wait()
	require.NoError(t, n.err)
	late := 0
	for cells := w.unhit(); len(cells) > 0 && late < stragglers; cells, late = w.unhit(), late+1 {
		require.NoError(t, w.aim(cells))
		enter(newPayers(dice, campaignPayers+late*latecomers, latecomers))
	}
	c.working.Wait()
	require.NoError(t, ctx.Err(), "the crowd went home in time")
	t.Logf("%d payments begun by %d payers; %d times turned away and come again",
		c.begun.Load(), campaignPayers+late*latecomers, c.turned.Load())
}

// tell prints the figures, and returns the cells that nothing has hit.
func tell(t *testing.T, w *world, c *crowd, n *nemesis, v *verdict) (empty []string) {
	t.Helper()
	table, empty := w.table()
	kinds, all := w.injected()
	t.Logf("the failure table, as the gateways counted:%s", table)
	lines, more, err := w.otherCells(t.Context(), n)
	require.NoError(t, err)
	empty = append(empty, more...)
	t.Logf("what no gateway counts:\n%s", strings.Join(lines, "\n"))
	var printed []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		printed = append(printed, fmt.Sprintf("%s %d", kind, kinds[kind]))
	}
	t.Logf("%d payments: %v", sum(v.payments), v.payments)
	t.Logf("%d faults: %s", all, strings.Join(printed, ", "))
	median, most, refunds, err := w.refundTimes(t.Context())
	require.NoError(t, err)
	t.Logf("charged too often before healing: %d payments, %d of them captured twice; after: %d", v.chargedTooOften, v.atBoth, v.overcharged)
	t.Logf("%d refunds, all done; from surplus to done by the database's clock, which was moved: median %s, longest %s", refunds, median, most)
	require.Positive(t, v.chargedTooOften, "the campaign provokes what it proves to heal")
	s, err := w.servedBetween(t.Context(), n.outage.from, n.outage.to)
	require.NoError(t, err)
	require.Positive(t, s.came)
	t.Logf("Paystack dark for %s: %d payers came who have another door, %d served by FedaPay (%d %%), the first %s after the light went out",
		n.outage.to.Sub(n.outage.from).Round(100*time.Millisecond), s.came, s.taken, 100*s.taken/s.came, s.first)
	require.Greater(t, 2*s.taken, s.came, "most of those who have another door are served through it")
	return empty
}

func sum(counts map[engine.ChargeStatus]int) (all int) {
	for _, n := range counts {
		all += n
	}
	return all
}
