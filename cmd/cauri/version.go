package main

import "runtime/debug"

// version is set by the release build: -ldflags "-X main.version=1.2.3".
var version = "development"

type versionCommand struct {
	JSON bool `help:"For machines."`
}

// Run says which version this is and what it was built with.
func (c versionCommand) Run(to streams) error {
	said := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"`
		Modified bool   `json:"modified,omitempty"`
		Go       string `json:"go"`
	}{Version: version}
	if info, known := debug.ReadBuildInfo(); known {
		said.Go = info.GoVersion
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				said.Revision = s.Value
			case "vcs.modified":
				said.Modified = s.Value == "true"
			}
		}
	}
	if c.JSON {
		return to.printJSON(said)
	}
	to.printf("cauri %s %s %s\n", said.Version, said.Revision, said.Go)
	return nil
}
