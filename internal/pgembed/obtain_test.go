//go:build unix

package pgembed

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewestUsableVersionWins(t *testing.T) {
	t.Parallel()
	places := t.TempDir()
	for version, programs := range map[string][]string{
		"14.9": {"postgres", "initdb"}, "15.18": {"postgres", "initdb"}, "16.2": {"postgres", "initdb"},
		"16.10": {"postgres", "initdb"}, "18.1": {"postgres"}, "nonsense": {"postgres", "initdb"},
	} {
		dir := filepath.Join(places, version, "bin")
		require.NoError(t, os.MkdirAll(dir, 0o755))
		for _, program := range programs {
			script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + " (Debian)'\n"
			require.NoError(t, os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755))
		}
	}
	found, err := Config{places: []string{filepath.Join(places, "*", "bin")}, CacheDir: t.TempDir()}.search()
	require.NoError(t, err)
	require.Len(t, found, 2+1)
	require.Equal(t, "16.10", found[0].Version)
	require.Equal(t, "15.18", found[2].Version)

	given, err := Find(filepath.Join(places, "15.18", "bin"))
	require.NoError(t, err)
	require.Equal(t, 15, given.Major)
	_, err = Find(filepath.Join(places, "14.9", "bin"))
	var notFound *NotFound
	require.ErrorAs(t, err, &notFound)
}

func TestMachineWithoutProgramsIsToldTheLinesToType(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), bare(t))
	var notFound *NotFound
	require.ErrorAs(t, err, &notFound)
	require.NoError(t, notFound.Tried, "nothing is tried unasked")
	for _, line := range []string{"apt-get install -y postgresql", "brew install", "CAURI_PG_BIN=", "DATABASE_URL=", "/nowhere/bin"} {
		require.ErrorContains(t, err, line)
	}
}

// bare is a machine that has no PostgreSQL and may not get one.
func bare(t *testing.T) Config {
	t.Helper()
	config := quick(t, tempBase(t))
	config.places, config.CacheDir = []string{"/nowhere/bin"}, tempBase(t)
	config.apt = &apt{
		program:     "apt-get",
		clusterConf: filepath.Join(t.TempDir(), "createcluster.conf"),
		run:         func(context.Context, string, ...string) error { return errors.New("no network") },
	}
	return config
}

// builds serves one archive as a download server does, with a checksum that the
// test may falsify, and counts what is asked.
func builds(t *testing.T, archive []byte, checksum string) (address string) {
	t.Helper()
	path := fmt.Sprintf("/builds/%s-%s/postgres-%s.tar.gz", runtime.GOOS, runtime.GOARCH, DownloadVersion)
	if checksum == "" {
		checksum = fmt.Sprintf("%x  postgres-%s.tar.gz\n", sha256.Sum256(archive), DownloadVersion)
	}
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive) })
	mux.HandleFunc(path+".sha256", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(checksum)) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/builds"
}

func pack(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for _, header := range entries {
		body := header.PAXRecords["CAURI.body"]
		header.PAXRecords = nil
		if header.Size == 0 {
			header.Size = int64(len(body))
		}
		require.NoError(t, archive.WriteHeader(&header))
		_, err := archive.Write([]byte(body))
		require.NoError(t, err)
	}
	_ = archive.Flush() // complains of an entry that lies about its size, as one test's does
	require.NoError(t, zipped.Close())
	return packed.Bytes()
}

// script is an entry that runs one of the machine's programs.
func script(name, program string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, PAXRecords: map[string]string{
		"CAURI.body": "#!/bin/sh\nexec " + program + " \"$@\"\n",
	}}
}

func TestDownloadedBuildServes(t *testing.T) {
	t.Parallel()
	here, err := Find("")
	require.NoError(t, err)
	config := bare(t)
	config.Auto = true
	config.DownloadURL = builds(t, pack(t,
		tar.Header{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755},
		script("bin/postgres-real", filepath.Join(here.Dir, "postgres")),
		script("bin/initdb", filepath.Join(here.Dir, "initdb")),
		tar.Header{Name: "bin/postgres", Typeflag: tar.TypeSymlink, Linkname: "postgres-real"},
		tar.Header{Name: "bin/postmaster", Typeflag: tar.TypeLink, Linkname: "bin/postgres-real"},
	), "")
	require.Equal(t, 1, ask[int](t, start(t, config).DSN("cauri"), "SELECT 1"))

	config.BaseDir, config.Auto = tempBase(t), false // found in the cache the next time
	require.Equal(t, 1, ask[int](t, start(t, config).DSN("cauri"), "SELECT 1"))
}

func TestUntrustworthyDownloadIsNotUsed(t *testing.T) {
	t.Parallel()
	harmless := pack(t, script("bin/postgres", "true"))
	file := func(name string) tar.Header { return script(name, "true") }
	link := func(name, to string, kind byte) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: kind}
	}
	giant := tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: unpackedBytesMax + 1}
	for name, download := range map[string]struct {
		archive  []byte
		checksum string
		want     string
	}{
		"changed on the way":           {archive: harmless, checksum: strings.Repeat("0", 64), want: "does not match its checksum"},
		"no checksum":                  {archive: harmless, checksum: "<html>", want: "does not hold a SHA-256"},
		"path above the directory":     {archive: pack(t, file("../evil")), want: "leaves the directory"},
		"path hidden in the middle":    {archive: pack(t, file("bin/../../evil")), want: "leaves the directory"},
		"absolute path":                {archive: pack(t, file("/tmp/evil")), want: "leaves the directory"},
		"link above the directory":     {archive: pack(t, link("bin/out", "../../evil", tar.TypeSymlink)), want: "leaves the directory"},
		"absolute link":                {archive: pack(t, link("out", "/etc", tar.TypeSymlink)), want: "leaves the directory"},
		"hard link outside":            {archive: pack(t, link("out", "../../obtain.lock", tar.TypeLink)), want: "escapes"},
		"device":                       {archive: pack(t, tar.Header{Name: "null", Typeflag: tar.TypeChar}), want: "unexpected type"},
		"same name twice":              {archive: pack(t, file("bin/postgres"), file("bin/postgres")), want: "file exists"},
		"claims more than it may hold": {archive: pack(t, giant), want: "bytes unpacked"},
		"not an archive":               {archive: []byte("<html>Not found</html>"), want: "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := bare(t)
			config.Auto = true
			config.DownloadURL = builds(t, download.archive, download.checksum)
			_, err := Start(t.Context(), config)
			require.ErrorContains(t, err, download.want)
			left, err := os.ReadDir(config.downloads())
			require.NoError(t, err)
			require.Empty(t, left)
			requireExists(t, filepath.Join(config.CacheDir, "evil"), false)
		})
	}
}

func TestProgramsAreNotTakenOverAnOpenLine(t *testing.T) {
	t.Parallel()
	config := bare(t)
	config.Auto = true
	config.DownloadURL = "http://builds.example.com"
	_, err := Start(t.Context(), config)
	require.ErrorContains(t, err, "over https only")
}

func TestProgressIsToldByTenths(t *testing.T) {
	t.Parallel()
	var told []string
	p := progress{total: 30 << 20, logf: func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }}
	for range 30 {
		_, err := p.Write(make([]byte, 1<<20))
		require.NoError(t, err)
	}
	require.Len(t, told, 10)
	require.Equal(t, "downloading PostgreSQL "+DownloadVersion+": 10 % of 30 MB", told[0])
	require.Equal(t, "downloading PostgreSQL "+DownloadVersion+": 100 % of 30 MB", told[9])
}

func TestPackageIsInstalledWithoutAClusterOfItsOwn(t *testing.T) {
	t.Parallel()
	here, err := Find("")
	require.NoError(t, err)
	config := bare(t)
	config.Auto = true
	installed := filepath.Join(tempBase(t), "bin")
	config.places = []string{installed}
	var ran, told []string
	config.Logf = func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	config.apt.run = func(_ context.Context, program string, args ...string) error {
		ran = append(ran, program+" "+args[0])
		conf, err := os.ReadFile(config.apt.clusterConf)
		require.NoError(t, err)
		require.Contains(t, string(conf), "create_main_cluster = false", "written before the package is there to read it")
		switch {
		case len(ran) == 1:
			return errors.New("unable to locate package postgresql")
		case args[0] == "install":
			return os.Symlink(here.Dir, installed)
		}
		return nil
	}
	require.Equal(t, 1, ask[int](t, start(t, config).DSN("cauri"), "SELECT 1"))
	require.Equal(t, []string{"apt-get install", "apt-get update", "apt-get install"}, ran)
	require.Contains(t, told[0], "CAURI_PG_AUTO=0", "announced before it runs, with the way to prevent it")
}

func TestFailedInstallationIsPartOfTheHelp(t *testing.T) {
	t.Parallel()
	config := bare(t)
	config.Auto = true
	_, err := Start(t.Context(), config)
	require.ErrorContains(t, err, "also tried       install PostgreSQL: no network")
	require.ErrorContains(t, err, "apt-get install -y postgresql")
}

func TestMainClusterIsForbiddenAndOtherSettingsKept(t *testing.T) {
	t.Parallel()
	const off = "create_main_cluster = false\n"
	for name, file := range map[string]struct{ before, after string }{
		"no file":            {before: "", after: off},
		"only a comment":     {before: "#create_main_cluster = true\nssl = on\n", after: "#create_main_cluster = true\nssl = on\n" + off},
		"set already":        {before: "ssl = on\n create_main_cluster=true\nwaldir = '/wal'\n", after: "ssl = on\n" + off + "waldir = '/wal'\n"},
		"no newline at end":  {before: "ssl = on", after: "ssl = on\n" + off},
		"forbidden long ago": {before: off, after: off},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "postgresql-common", "createcluster.conf")
			if file.before != "" {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(file.before), 0o644))
			}
			require.NoError(t, apt{clusterConf: path}.forbidMainCluster())
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, file.after, string(text))
		})
	}
}
