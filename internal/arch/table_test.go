package arch

// module is the path everything of ours begins with.
const module = "github.com/bookmi/cauri"

// rule says what the production files below one folder may import. Everybody
// may import itself and the folders below it.
type rule struct {
	// ours are further folders of this module, each with all below it.
	ours []string
	// outside are packages that are neither ours nor the standard library's,
	// each with all below it.
	outside []string
	// standard, when not nil, is all of the standard library that is allowed.
	standard []string
}

// everything in place of a folder allows all of ours.
const everything = "*"

// pure is the part of the standard library that reads no clock, no file, no
// network and no dice: all that the engine may know.
var pure = []string{
	"bytes", "cmp", "encoding", "encoding/binary", "encoding/json", "errors", "fmt", "iter", "maps",
	"math", "math/bits", "slices", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// dialect is what a gateway may know: never another gateway.
var dialect = []string{"engine", "gateways/wire", "internal"}

// rules is ARCHITECTURE.md, "Who may know whom", from inside to outside. A
// folder that no rule covers fails the test: a new room is a decision.
var rules = map[string]rule{
	"engine": {standard: pure},
	// The story runner reads files and ends tests; it still knows nobody outside.
	"engine/enginetest": {ours: []string{"engine"}, outside: proving},

	// Each gateway speaks its dialect alone: paystack never imports fedapay.
	// wire is what both share, and no dialect.
	"gateways/wire": {
		ours:    []string{"engine", "internal"},
		outside: []string{"github.com/valyala/fasthttp", "github.com/go-json-experiment/json/jsontext"},
	},
	"gateways/paystack":    {ours: dialect, outside: []string{"github.com/valyala/fasthttp"}},
	"gateways/fedapay":     {ours: dialect, outside: []string{"github.com/valyala/fasthttp"}},
	"gateways/forge":       {ours: []string{"engine", "internal"}},
	"gateways/failover":    {ours: []string{"engine", "internal"}, outside: []string{"github.com/sony/gobreaker/v2", prometheus}},
	"gateways/gatewaytest": {ours: []string{"engine", "gateways/forge", "internal"}, outside: proving},

	"persistence": {
		ours:    []string{"engine", "internal"},
		outside: []string{"github.com/jackc/pgx/v5", "github.com/pressly/goose/v3", "github.com/google/uuid", prometheus},
	},
	"persistence/pgtest": {
		ours:    []string{"engine", "persistence", "internal"},
		outside: append([]string{"github.com/jackc/pgx/v5", "github.com/pressly/goose/v3"}, proving...),
	},
	"actors": {ours: []string{"engine", "internal"}, outside: []string{"github.com/asynkron/protoactor-go/actor", prometheus}},
	"http": {
		ours: []string{"engine", "internal"},
		outside: []string{
			"github.com/valyala/fasthttp", "github.com/fasthttp/router", "github.com/danielgtaylor/huma/v2", "github.com/golang-jwt/jwt/v5",
			"github.com/nyaruka/phonenumbers", "github.com/google/uuid", "golang.org/x/time/rate", prometheus,
		},
	},
	"jobs": {
		ours: []string{"engine", "internal"},
		outside: []string{
			"github.com/riverqueue/river", "github.com/jackc/pgx/v5/pgxpool", "github.com/standard-webhooks/standard-webhooks", prometheus,
		},
	},
	"console": {ours: []string{"engine", "internal"}, outside: []string{"github.com/valyala/fasthttp", "riverqueue.com/riverui"}},

	// The outside, pretended: it meets us on the wire, so that it can't share a misreading.
	"sandbox": {outside: []string{"github.com/valyala/fasthttp"}},

	"cmd": {
		ours: []string{everything},
		outside: []string{
			"github.com/alecthomas/kong", "github.com/jackc/pgx/v5", // pgx in tests alone: they look at the database from beside
			"github.com/google/uuid", "go.opentelemetry.io/otel", prometheus,
			"github.com/prometheus/client_model", // the demo's status line reads the program's own metrics
		},
	},

	// No domain, and no room: who is used by all may know none.
	"internal/lifecycle":  {},
	"internal/secret":     {},
	"internal/vault":      {ours: []string{"internal/secret"}},
	"internal/testsignal": {},
	"internal/telemetry":  {outside: []string{prometheus, "go.opentelemetry.io/otel"}},
	"internal/pgembed":    {outside: []string{"github.com/jackc/pgx/v5"}},
	"internal/arch":       {},
	"internal/tidy":       {},
	"internal/mutants":    {},

	// The operators' pages, whose queries a test runs.
	"docs/runbooks": {ours: []string{"persistence"}, outside: []string{"github.com/jackc/pgx/v5"}},
}

const prometheus = "github.com/prometheus/client_golang"

// proving is what never ships: in _test files, and in the packages whose name
// ends in "test". A test may make the ids that production is handed.
var proving = []string{
	"github.com/stretchr/testify/require", "pgregory.net/rapid", "go.uber.org/goleak",
	"github.com/getkin/kin-openapi", "github.com/anishathalye/porcupine", "gopkg.in/yaml.v3", "github.com/google/uuid",
}

// provers are folders of ours that any _test file may use, whatever its room: the
// pretended outside, the builder of signed webhooks, the tools of internal.
var provers = []string{"sandbox", "gateways/forge", "internal"}

// confined names imports that even their own room may use in one file only.
var confined = map[string]map[string]string{
	"engine": {"context": "engine/gateway.go"},
}
