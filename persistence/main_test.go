package persistence_test

import (
	"testing"

	"github.com/bookmi/cauri/persistence/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
