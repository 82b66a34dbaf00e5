package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The load is a closed loop: each connection sends its next delivery when the last
// one is answered. It writes requests that were made and signed before the clock
// started and reads no more of an answer than it must, because it shares the machine
// with what it measures.

// tally is what a load came to.
type tally struct {
	changed   int    // answered 200: this delivery made the difference
	duplicate int    // answered 200: it had been made
	refused   int    // 503 and 429
	wrong     int    // any other answer
	odd       string // the first of those
	latencies []time.Duration
	took      time.Duration
}

// answered is every delivery that was taken.
func (t tally) answered() int { return t.changed + t.duplicate }

func (t *tally) add(other tally) {
	t.changed += other.changed
	t.duplicate += other.duplicate
	t.refused += other.refused
	t.wrong += other.wrong
	t.odd = cmp.Or(t.odd, other.odd)
	t.latencies = append(t.latencies, other.latencies...)
}

// quantile is exact; the tally's latencies are sorted.
func (t *tally) quantile(q float64) time.Duration {
	if len(t.latencies) == 0 {
		return 0
	}
	return t.latencies[min(int(q*float64(len(t.latencies))), len(t.latencies)-1)]
}

// fire sends requests over so many connections until the time is over or there are
// no more: each `copies` times, its copies by neighbours.
func fire(ctx context.Context, address string, connections int, requests [][]byte, copies int, within time.Duration) (tally, error) {
	var next atomic.Int64
	return fireNext(ctx, address, connections, func() []byte {
		if n := int(next.Add(1)-1) / copies; n < len(requests) {
			return requests[n]
		}
		return nil
	}, within)
}

// fireNext is fire of whatever take gives, until it gives nothing.
func fireNext(ctx context.Context, address string, connections int, next func() []byte, within time.Duration) (tally, error) {
	began := time.Now()
	deadline := began.Add(within)
	take := func() []byte {
		if ctx.Err() != nil || !time.Now().Before(deadline) {
			return nil
		}
		return next()
	}
	tallies, errs := make([]tally, connections), make([]error, connections)
	var done sync.WaitGroup
	for i := range connections {
		done.Go(func() { errs[i] = shoot(ctx, address, take, &tallies[i]) })
	}
	done.Wait()
	sum := tally{took: time.Since(began)}
	for _, t := range tallies {
		sum.add(t)
	}
	slices.Sort(sum.latencies)
	return sum, cmp.Or(errs...) // one connection's says it: the others' are the same
}

// shoot is one connection's loop. A server may close a connection after an answer
// that said so; another is made.
func shoot(ctx context.Context, address string, take func() []byte, t *tally) error {
	var g gun
	defer func() { g.close() }()
	for {
		request := take()
		if request == nil {
			return nil
		}
		if g.conn == nil {
			if err := g.dial(ctx, address); err != nil {
				return err
			}
		}
		began := time.Now()
		status, body, err := g.ask(request)
		if err != nil {
			return fmt.Errorf("a delivery was not answered: %w", err)
		}
		t.latencies = append(t.latencies, time.Since(began))
		t.count(status, body)
	}
}

func (t *tally) count(status int, body []byte) {
	switch {
	case status == 200 && bytes.Contains(body, []byte(`"changed"`)):
		t.changed++
	case status == 200 && bytes.Contains(body, []byte(`"duplicate"`)):
		t.duplicate++
	case status == 503 || status == 429:
		t.refused++
	default:
		if t.wrong++; t.odd == "" {
			t.odd = fmt.Sprintf("%d %s", status, body)
		}
	}
}

// gun is a connection and what is read of it. Its answers are small: outcomes and
// problems, under 2 KiB each.
type gun struct {
	conn   net.Conn
	reader *bufio.Reader
	body   [4 << 10]byte
}

// answersWithin is far beyond the server's own limits: whoever overruns it is broken.
const answersWithin = 30 * time.Second

func (g *gun) dial(ctx context.Context, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	g.conn, g.reader = conn, bufio.NewReaderSize(conn, 4<<10)
	return nil
}

func (g *gun) close() {
	if g.conn != nil {
		_ = g.conn.Close() // whatever mattered was answered
		g.conn = nil
	}
}

func (g *gun) ask(request []byte) (status int, body []byte, err error) {
	if err = g.conn.SetDeadline(time.Now().Add(answersWithin)); err != nil {
		return 0, nil, err
	}
	if _, err = g.conn.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := g.reader.ReadSlice('\n')
	if err != nil || len(line) < 12 {
		return 0, nil, errors.Join(err, errors.New("no status line"))
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil { // HTTP/1.1 200
		return 0, nil, err
	}
	length, last := 0, false
	for {
		if line, err = g.reader.ReadSlice('\n'); err != nil {
			return 0, nil, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length > len(g.body) {
				return 0, nil, fmt.Errorf("an answer of %q bytes", value)
			}
		case bytes.EqualFold(name, []byte("Connection")):
			last = bytes.EqualFold(value, []byte("close"))
		}
	}
	if _, err = io.ReadFull(g.reader, g.body[:length]); err != nil {
		return 0, nil, err
	}
	if last {
		g.close()
	}
	return status, g.body[:length], nil
}
