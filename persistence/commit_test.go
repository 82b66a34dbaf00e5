package persistence_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

// wire stands between a store and its database, and cuts one connection when told.
type wire struct {
	dsn      string
	listener net.Listener
	network  string
	address  string
	cut      atomic.Int32 // where the next connection that gets there is cut
	cuts     atomic.Int32 // done so far
	open     sync.WaitGroup
}

// Where a connection is cut.
const (
	nowhere      int32 = iota
	beforeWrites       // the rows are locked and loaded; what is written never arrives
	afterWrites        // what is written arrives with its COMMIT; nobody reads the answer
	afterCommit        // the COMMIT is done; its answer never arrives
	afterFatal         // the COMMIT is done; a proxy says FATAL in its place
)

func wired(t *testing.T, dsn string) *wire {
	t.Helper()
	config, err := pgconn.ParseConfig(dsn)
	require.NoError(t, err)
	w := &wire{}
	w.network, w.address = pgconn.NetworkAddress(config.Host, config.Port)
	w.listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.dsn = fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", config.User, config.Password, w.listener.Addr(), config.Database)
	w.open.Go(func() {
		for {
			client, err := w.listener.Accept()
			if err != nil {
				return
			}
			w.open.Go(func() { w.carry(client) })
		}
	})
	t.Cleanup(func() {
		_ = w.listener.Close()
		w.open.Wait()
	})
	return w
}

// carry forwards both ways until either side ends, or the cut.
func (w *wire) carry(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial(w.network, w.address)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var loaded atomic.Bool // a transaction is open and its rows have been read
	var both sync.WaitGroup
	both.Go(func() {
		defer func() { _ = server.Close() }()
		buffer := make([]byte, 64<<10)
		for {
			n, err := client.Read(buffer)
			if err != nil {
				return
			}
			if loaded.Load() && w.takes(beforeWrites) {
				_ = client.Close()
				return
			}
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
			if loaded.Load() && w.takes(afterWrites) {
				_ = client.Close()
				return
			}
		}
	})
	both.Go(func() {
		defer func() { _ = client.Close() }()
		for {
			message, err := readMessage(server)
			if err != nil {
				return
			}
			kind, body := message[0], message[5:]
			if kind == 'C' && bytes.HasPrefix(body, []byte("COMMIT")) && loaded.Load() && w.takes(afterCommit) {
				return
			}
			if kind == 'C' && bytes.HasPrefix(body, []byte("COMMIT")) && loaded.Load() && w.takes(afterFatal) {
				fatal := []byte("SFATAL\x00VFATAL\x00C08P01\x00Mserver conn crashed?\x00\x00") // pgbouncer's words
				_, _ = client.Write(append(binary.BigEndian.AppendUint32([]byte{'E'}, uint32(len(fatal)+4)), fatal...))
				return
			}
			if _, err := client.Write(message); err != nil {
				return
			}
			if kind == 'Z' { // ready for the next: 'T' says in a transaction
				loaded.Store(body[0] == 'T')
			}
		}
	})
	both.Wait()
}

// takes reports that this is where the cut was ordered, once.
func (w *wire) takes(here int32) bool {
	taken := w.cut.CompareAndSwap(here, nowhere)
	if taken {
		w.cuts.Add(1)
	}
	return taken
}

// readMessage reads one message of the server: a letter, a length, a body
// (PostgreSQL docs, Message Formats).
func readMessage(r io.Reader) ([]byte, error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	message := make([]byte, 1+binary.BigEndian.Uint32(head[1:]))
	copy(message, head)
	_, err := io.ReadFull(r, message[5:])
	return message, err
}

// Wherever the connection is lost, an initiation is one payment, and the call it
// asks for is handed over exactly once: a payer is not left without a prompt.
func TestALostConnectionLosesNeitherAPaymentNorItsCall(t *testing.T) {
	t.Parallel()
	for name, where := range map[string]int32{
		"before the writes": beforeWrites, "after the writes": afterWrites, "after the commit": afterCommit,
		"told of a crash by a proxy": afterFatal,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			between := wired(t, w.dsn)
			store := w.through(t, between.dsn)
			warm := freshID() // statements are prepared by now: what follows is two round trips
			_, err := store.Apply(t.Context(), engine.Ask{Transaction: warm, Command: initiation("B0")})
			require.NoError(t, err)

			between.cut.Store(where)
			id := freshID()
			applied, err := store.Apply(t.Context(), engine.Ask{Transaction: id, Command: initiation("B1"), Key: key("k", 1)})
			require.NoError(t, err)
			require.EqualValues(t, 1, between.cuts.Load(), "the connection was cut")
			require.Equal(t, engine.Changed, applied.Outcome)
			require.Len(t, applied.Effects, 1)
			require.Equal(t, 1, applied.State.Version)
			require.Equal(t, 1, w.count(t, "SELECT count(*) FROM transactions WHERE id = $1", [16]byte(id)))
			require.Equal(t, 1, w.count(t, "SELECT count(*) FROM idempotency"))

			between.cut.Store(where)
			applied, err = store.Apply(t.Context(), engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
			require.NoError(t, err)
			require.EqualValues(t, 2, between.cuts.Load())
			require.Equal(t, engine.Changed, applied.Outcome)
			require.Equal(t, 1, w.count(t, "SELECT count(*) FROM outbox"))
			w.sound(t)
		})
	}
}

// The server's process dies inside the COMMIT: nothing is committed, and the
// command is decided again.
func TestAServerProcessThatDiesAtCommitCommitsNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.exec(t, `CREATE SEQUENCE deaths; GRANT ALL ON SEQUENCE deaths TO PUBLIC;
		CREATE FUNCTION die_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
		BEGIN
			IF nextval('deaths') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
			RETURN NULL;
		END $$;
		CREATE CONSTRAINT TRIGGER die_at_commit AFTER INSERT ON holds DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die_once()`)
	id := w.paid(t, "B1")
	require.Equal(t, 2, w.count(t, "SELECT last_value FROM deaths"), "the first COMMIT died, the second held")
	st, err := w.Payment(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, engine.ChargeIsSucceeded, st.Transaction.Status)
	w.sound(t)
}

// dawdling makes every COMMIT of a hold take its time.
const dawdling = `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER dawdle_at_commit AFTER INSERT ON holds DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()`

// The COMMIT goes on after its client has gone: its end is waited for, not guessed.
func TestACommitStillRunningIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.exec(t, dawdling)
	between := wired(t, w.dsn)
	store := w.through(t, between.dsn)
	id := freshID()
	for _, cmd := range []engine.Command{
		initiation("B1"),
		engine.RecordChargeAnswer{Attempt: 1, Report: engine.ChargeReport{Status: engine.ChargeOnPhone}},
	} {
		_, err := store.Apply(t.Context(), engine.Ask{Transaction: id, Command: cmd})
		require.NoError(t, err)
	}
	between.cut.Store(afterWrites)
	applied, err := store.Apply(t.Context(), engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
	require.NoError(t, err)
	require.EqualValues(t, 1, between.cuts.Load())
	require.Equal(t, engine.Changed, applied.Outcome)
	require.Len(t, applied.Counted, 1)
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM holds"))
	w.sound(t)
}

// A caller who leaves once it is decided does not cut the COMMIT short, and is
// told what became of it if they still listen.
func TestACallerWhoLeavesDoesNotCutTheCommitShort(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.exec(t, dawdling)
	id := freshID()
	w.apply(t, id, initiation("B1"))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	answer := make(chan error, 1)
	var applied engine.Applied
	var done sync.WaitGroup
	done.Go(func() {
		var err error
		applied, err = w.Apply(ctx, engine.Ask{Transaction: id, Command: succeeded(id, 50_000)})
		answer <- err
	})
	require.Eventually(t, func() bool {
		return w.count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'") == 1
	}, 10*time.Second, time.Millisecond)
	leave()
	require.NoError(t, <-answer)
	done.Wait()
	require.Equal(t, engine.Changed, applied.Outcome)

	_, err := w.Apply(ctx, engine.Ask{Transaction: freshID(), Command: initiation("B2")})
	require.ErrorIs(t, err, engine.Overloaded, "who has left before anything began is not served")
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM transactions"))
}
