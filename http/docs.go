package http

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/valyala/fasthttp"
)

// The pages for developers are written here and not by a bundle of somebody's JavaScript:
// they load nothing, run nothing, and nobody types a live key into a page at the address
// that takes money. Whoever wants to send requests from a page opens /openapi.json in a
// tool of theirs (docs/adr/0025).

//go:embed docs.html
var docsTemplate string

//go:embed docs.css
var docsStyle string

// docsPolicy allows the style by its hash, and nothing else at all.
var docsPolicy = func() string {
	sum := sha256.Sum256([]byte(docsStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// pages are spelled once, before the first request.
type pages struct{ docs, errors []byte }

// chapter is what the page shows of a tag.
type chapter struct {
	Tag        *huma.Tag
	Operations []shown
}

// shown is an operation as the page shows it.
type shown struct {
	*huma.Operation
	Who        string
	Parameters []*huma.Param
	Requests   []sample
	Fields     *huma.Schema
	Answers    []answer
}

type sample struct{ Summary, JSON string }

type answer struct {
	Status, Description, Schema, JSON string
}

func (s *Server) spellPages() error {
	api := s.api.OpenAPI()
	functions := template.FuncMap{
		"style": func() template.CSS { return template.CSS(docsStyle) }, //nolint:gosec // ours, embedded
		"prose": prose, "kind": kindOf, "lower": strings.ToLower,
		"required": func(of *huma.Schema, name string) bool { return slices.Contains(of.Required, name) },
	}
	t, err := template.New("docs").Funcs(functions).Parse(docsTemplate)
	if err != nil {
		return err
	}
	chapters, err := s.chapters(api)
	if err != nil {
		return err
	}
	data := map[string]any{
		"Info": api.Info, "Chapters": chapters, "Schemas": api.Components.Schemas.Map(), "Catalogue": catalogue(),
	}
	for name, into := range map[string]*[]byte{"docs": &s.pages.docs, "errors": &s.pages.errors} {
		var out bytes.Buffer
		if err := t.ExecuteTemplate(&out, name, data); err != nil {
			return err
		}
		*into = out.Bytes()
	}
	return nil
}

func (s *Server) chapters(api *huma.OpenAPI) ([]chapter, error) {
	var out []chapter
	for _, tag := range api.Tags {
		c := chapter{Tag: tag}
		for _, r := range s.routes {
			item := api.Paths[r.path]
			if item == nil {
				continue
			}
			op := operationOf(item, r.method)
			if op == nil || op.Tags[0] != tag.Name {
				continue
			}
			one, err := shownOf(api, &r, op)
			if err != nil {
				return nil, err
			}
			c.Operations = append(c.Operations, one)
		}
		out = append(out, c)
	}
	return out, nil
}

func operationOf(item *huma.PathItem, method string) *huma.Operation {
	return map[string]*huma.Operation{
		fasthttp.MethodGet: item.Get, fasthttp.MethodPost: item.Post, fasthttp.MethodPut: item.Put,
	}[method]
}

func shownOf(api *huma.OpenAPI, r *route, op *huma.Operation) (shown, error) {
	one := shown{Operation: op, Who: r.who.String()}
	for _, p := range op.Parameters {
		if p.Ref != "" {
			p = api.Components.Parameters[p.Ref[strings.LastIndex(p.Ref, "/")+1:]]
		}
		one.Parameters = append(one.Parameters, p)
	}
	if op.RequestBody != nil {
		content := op.RequestBody.Content["application/json"]
		one.Fields = api.Components.Schemas.SchemaFromRef(content.Schema.Ref)
		for _, example := range content.Examples {
			text, err := json.MarshalIndent(example.Value, "", "  ")
			if err != nil {
				return one, err
			}
			one.Requests = append(one.Requests, sample{example.Summary, string(text)})
		}
		slices.SortFunc(one.Requests, func(a, b sample) int { return cmp.Compare(a.Summary, b.Summary) })
	}
	for status, response := range op.Responses {
		if response.Ref != "" {
			response = api.Components.Responses[response.Ref[strings.LastIndex(response.Ref, "/")+1:]]
		}
		a := answer{Status: status, Description: response.Description}
		for kind, content := range response.Content {
			if content.Schema.Ref != "" {
				a.Schema = strings.TrimPrefix(content.Schema.Ref, schemaPath)
			}
			switch example := content.Example.(type) {
			case nil, *Problem: // a problem's is on the page of codes
			case string:
				a.JSON = example
			default:
				text, err := json.MarshalIndent(example, "", "  ")
				if err != nil {
					return one, fmt.Errorf("the example of %s as %s: %w", op.OperationID, kind, err)
				}
				a.JSON = string(text)
			}
		}
		one.Answers = append(one.Answers, a)
	}
	slices.SortFunc(one.Answers, func(a, b answer) int { return cmp.Compare(a.Status, b.Status) })
	return one, nil
}

// kindOf says in a word what a field is, with a link to what it is made of.
func kindOf(s *huma.Schema) template.HTML {
	switch {
	case s.Ref != "":
		name := template.HTMLEscapeString(strings.TrimPrefix(s.Ref, schemaPath))
		return template.HTML(`<a href="#schema-` + name + `">` + name + `</a>`) //nolint:gosec // escaped
	case s.Type == huma.TypeArray:
		return "list of " + kindOf(s.Items)
	case s.Format != "" && s.Format != "int64":
		return template.HTML(template.HTMLEscapeString(s.Format)) //nolint:gosec // escaped
	}
	return template.HTML(template.HTMLEscapeString(s.Type)) //nolint:gosec // escaped
}

var quoted = regexp.MustCompile("`([^`]+)`")

// prose is the little of Markdown that our own introduction is written in: headings, lists,
// paragraphs, code.
func prose(text string) template.HTML {
	var out strings.Builder
	line := func(s string) string { return quoted.ReplaceAllString(template.HTMLEscapeString(s), "<code>$1</code>") }
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		switch {
		case strings.HasPrefix(block, "## "):
			out.WriteString("<h2>" + line(block[3:]) + "</h2>\n")
		case strings.HasPrefix(block, "- "):
			out.WriteString("<ul>")
			for item := range strings.SplitSeq(block[2:], "\n- ") {
				out.WriteString("<li>" + line(item) + "</li>\n")
			}
			out.WriteString("</ul>\n")
		default:
			out.WriteString("<p>" + line(block) + "</p>\n")
		}
	}
	return template.HTML(out.String()) //nolint:gosec // every piece is escaped
}

func (s *Server) docsPage(ctx *fasthttp.RequestCtx, c *call)   { docsOf(ctx, c, s.pages.docs) }
func (s *Server) errorsPage(ctx *fasthttp.RequestCtx, c *call) { docsOf(ctx, c, s.pages.errors) }

func docsOf(ctx *fasthttp.RequestCtx, c *call, page []byte) {
	c.language = english // what the page is written in
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderContentSecurityPolicy, docsPolicy)
	h.Set(fasthttp.HeaderReferrerPolicy, "no-referrer")
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBody(page)
}
