package http_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

func TestInitiateWaitsForTheGateway(t *testing.T) {
	t.Parallel()
	e := start(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	e.gateway = func(effect engine.Effect) engine.Command {
		close(asked)
		<-answer
		return wantsOTP(effect)
	}
	var got answerOf
	var caller sync.WaitGroup
	caller.Go(func() { got = e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("k")) })
	<-asked // committed, and the gateway is thinking
	require.Len(t, e.all(), 1)
	close(answer)
	caller.Wait()
	require.Equal(t, engine.NextOTP, got.payment(t).NextAction.Type)
}

// A stop must not cut a payer off: who waits is answered with what is known.
func TestStoppingAnswersWhoWaits(t *testing.T) {
	t.Parallel()
	e := start(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	e.gateway = func(engine.Effect) engine.Command {
		close(asked)
		<-answer
		return nil
	}
	var got answerOf
	var caller sync.WaitGroup
	caller.Go(func() { got = e.do(t, "POST", "/v1/payments/initiate", orangeBody(t, nil), key("k")) })
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	e.client.CloseIdleConnections()
	require.NoError(t, e.server.Stop(ctx))
	caller.Wait()
	require.Equal(t, 202, got.status, "%s", got.body)
	require.Equal(t, "initiated", got.payment(t).Status)
	require.NoError(t, e.server.Stop(ctx), "twice is harmless")
	close(answer)
}
