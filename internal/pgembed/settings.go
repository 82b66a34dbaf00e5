//go:build unix

package pgembed

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// private settings are what makes the server ours alone. The log keeps neither
// statements nor details of errors, which would hold payers' phone numbers.
var private = map[string]string{
	"listen_addresses":        "",
	"unix_socket_permissions": "0700",
	"log_min_messages":        "warning",
	"log_min_error_statement": "panic",
	"log_error_verbosity":     "terse",
	"log_line_prefix":         "%m [%p] ",
	"timezone":                "UTC",
	"log_timezone":            "UTC",
}

// durable settings are passed on the command line, where no file of the cluster
// can undo them: a commit that was answered survives a power cut.
var durable = map[string]string{
	"fsync":              "on",
	"full_page_writes":   "on",
	"synchronous_commit": "on",
}

// laptop settings suit a machine that does other things as well. Checkpoints are
// what costs most under load (each makes the next change of every page a full
// image in the WAL), hence far apart: at most 2 GB of WAL on disk.
var laptop = map[string]string{
	"max_connections":    "100",
	"shared_buffers":     "256MB",
	"max_wal_size":       "2GB",
	"checkpoint_timeout": "15min",
	"jit":                "off", // every query here is short: compiling it costs more than running it
}

// fast settings replace the durable ones in tests, where hundreds of databases
// are made, used once and thrown away together.
var fast = map[string]string{
	"fsync":              "off",
	"full_page_writes":   "off",
	"synchronous_commit": "off",
	"wal_level":          "minimal",
	"max_wal_senders":    "0",
	"max_connections":    "400", // parallel tests, a pool each
	"shared_buffers":     "128MB",
	"max_wal_size":       "1GB",
	"checkpoint_timeout": "1h",
	"autovacuum":         "off",
}

// checkSettings refuses what would break the package's two promises.
func checkSettings(settings map[string]string, isFast bool) error {
	for name := range settings {
		key := strings.ToLower(name)
		if _, promised := durable[key]; promised && !isFast {
			return fmt.Errorf("setting %s: durability is given up with Fast only", name)
		}
		if key == "port" || key == "listen_addresses" || key == "data_directory" || strings.HasPrefix(key, "unix_socket_") {
			return fmt.Errorf("setting %s: a private server chooses its own address", name)
		}
	}
	return nil
}

// arguments are postgres's command line.
func (c Config) arguments(data, socket string) []string {
	settings := maps.Clone(private)
	maps.Copy(settings, durable)
	maps.Copy(settings, laptop)
	if c.Fast {
		maps.Copy(settings, fast)
	}
	maps.Copy(settings, c.Settings)

	args := []string{"-D", data, "-k", socket, "-p", socketPort}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}
