package wire

import (
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// pipe takes so many bytes of each write and then fails as told.
type pipe struct {
	net.Conn
	takes int
	err   error
}

func (p *pipe) Write(b []byte) (int, error) { return min(p.takes, len(b)), p.err }

func TestPartOfARequestIsARequest(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken pipe")
	for name, c := range map[string]struct {
		before, takes int
		phase         Phase
	}{
		"nothing was taken":              {0, 0, NotSent},
		"one byte was taken":             {0, 1, Sent},
		"nothing more after a first one": {1, 0, Sent},
	} {
		w := &counted{Conn: &pipe{takes: c.takes, err: broken}, written: c.before}
		n, err := w.Write([]byte("POST /charge"))
		require.Equal(t, c.takes, n, name)
		require.ErrorIs(t, err, broken, name)
		require.Equal(t, c.phase, phaseOf(err), name)
	}
}
