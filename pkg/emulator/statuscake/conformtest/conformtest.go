// SPDX-License-Identifier: GPL-3.0-or-later

// Package conformtest holds a client and a server of the StatusCake API against the vendor's own Swagger file, judged by
// kin-openapi. Tests put Wrap around the emulator; every request and answer that passes is then looked at.
package conformtest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

//go:embed testdata/statuscake-v1.json
var swagger []byte

// Option changes what Wrap lets pass.
type Option func(*checker)

// AllowRefused lets requests that do not conform pass when the server refuses them (400, 404 or 405): for tests that
// make mistakes on purpose. A request that does not conform and is accepted still fails the test.
func AllowRefused() Option { return func(c *checker) { c.allowRefused = true } }

// Wrap returns a handler that passes everything on to next and fails the test for each request or answer that the
// vendor's file does not allow. Left out are admin calls of the emulator, the answers that an injected fault has replaced
// (the requests are looked at nevertheless), and answers of 429 and 5xx, which the vendor does not describe.
func Wrap(t testing.TB, next http.Handler, options ...Option) http.Handler {
	t.Helper()
	router, err := vendorRouter()
	if err != nil {
		t.Fatalf("conformtest: %v", err)
	}
	c := &checker{next: next, router: router, report: t.Errorf}
	for _, option := range options {
		option(c)
	}
	return c
}

type checker struct {
	next         http.Handler
	router       routers.Router
	allowRefused bool
	report       func(format string, args ...any)
}

// vendorRouter reads the file once for all tests of a process: that takes longer than most tests do.
var vendorRouter = sync.OnceValues(func() (routers.Router, error) {
	var v2 openapi2.T
	if err := json.Unmarshal(swagger, &v2); err != nil {
		return nil, fmt.Errorf("read the vendor's file: %w", err)
	}
	v2.Host, v2.Schemes = "", nil // tests have hosts of their own; the base path stays
	v3, err := openapi2conv.ToV3(&v2)
	if err != nil {
		return nil, fmt.Errorf("convert the vendor's file: %w", err)
	}
	v3.Servers = openapi3.Servers{{URL: v2.BasePath}}
	// An empty account has no tests, and total_count has been seen as 0, whatever the file says.
	v3.Components.Schemas["Pagination"].Value.Properties["total_count"].Value.Min = nil
	return legacy.NewRouter(v3)
})

func (c *checker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/_emulator/") {
		c.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.report("%s %s: the body cannot be read: %v", r.Method, r.URL.Path, err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	input, wrong := c.request(r, body)
	if wrong != nil && !c.allowRefused {
		c.report("%s %s: the request does not conform: %v", r.Method, r.URL.Path, wrong)
	}
	answer := &recorder{ResponseWriter: w}
	c.next.ServeHTTP(answer, r) // a dropped connection is a panic and passes through

	if answer.Header().Get(emulator.FaultHeader) != "" {
		return
	}
	if wrong != nil {
		if c.allowRefused && !refused(answer.status) {
			c.report("%s %s: answered with %d although the request does not conform: %v", r.Method, r.URL.Path, answer.status, wrong)
		}
		return
	}
	if err := c.response(r.Context(), input, answer); err != nil {
		c.report("%s %s: the answer of %d does not conform: %v", r.Method, r.URL.Path, answer.status, err)
	}
}

func refused(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusNotFound ||
		status == http.StatusMethodNotAllowed || status == http.StatusTooManyRequests
}

// request holds a request against the file. Where the vendor's way to write forms differs from OpenAPI's, a copy of the
// request is brought into OpenAPI's way first: tags[]=a becomes tags=a, and the presence of a flag becomes true.
func (c *checker) request(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	plain := r.Clone(r.Context())
	plain.URL.Scheme, plain.URL.Host, plain.Host = "", "", ""
	query, err := url.ParseQuery(plain.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("the query %q: %w", plain.URL.RawQuery, err)
	}
	plain.URL.RawQuery = presentFlags(query).Encode()
	route, params, err := c.router.FindRoute(plain)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(plain.URL.Path, "/") || strings.Contains(strings.ToUpper(plain.URL.EscapedPath()), "%2F") {
		return nil, fmt.Errorf("the path %q is not in the file", plain.URL.EscapedPath()) // the router is not so strict
	}
	input := &openapi3filter.RequestValidationInput{
		Request: plain, PathParams: params, Route: route, Options: options(),
	}
	for name := range query {
		if route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return input, fmt.Errorf("query parameter %q is not in the file", name)
		}
	}
	if err := setForm(plain, route.Operation, body); err != nil {
		return input, err
	}
	return input, openapi3filter.ValidateRequest(r.Context(), input)
}

func options() *openapi3filter.Options {
	return &openapi3filter.Options{
		IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true, MultiError: true,
	}
}

func presentFlags(query url.Values) url.Values {
	for _, name := range []string{"matchany", "nouptime"} {
		if values := query[name]; len(values) == 1 && values[0] == "" {
			query.Set(name, "true")
		}
	}
	return query
}

const formType = "application/x-www-form-urlencoded"

// setForm gives the request a body as OpenAPI writes forms. kin-openapi passes over fields that the schema does not have
// and takes lists with and without brackets for the same, so both are looked at here.
func setForm(r *http.Request, operation *openapi3.Operation, body []byte) error {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if operation.RequestBody == nil || len(body) == 0 {
		return nil
	}
	content := operation.RequestBody.Value.Content.Get(formType)
	if content == nil || !strings.HasPrefix(r.Header.Get("Content-Type"), formType) {
		return fmt.Errorf("the body is %q, not %q", r.Header.Get("Content-Type"), formType)
	}
	sent, err := url.ParseQuery(string(body))
	if err != nil {
		return err
	}
	form := url.Values{}
	for _, key := range slices.Sorted(maps.Keys(sent)) {
		name, bracketed := strings.CutSuffix(key, "[]")
		property := content.Schema.Value.Properties[name]
		clears := len(sent[key]) == 1 && sent[key][0] == ""
		switch {
		case property == nil:
			return fmt.Errorf("field %q is not in the file", key)
		case property.Value.Type.Is(openapi3.TypeArray) != bracketed && !clears:
			return fmt.Errorf("field %q: brackets are for lists, and for each of them", key)
		case bracketed && !property.Value.Type.Is(openapi3.TypeArray):
			return fmt.Errorf("field %q is no list", key)
		case !bracketed && len(sent[key]) > 1:
			return fmt.Errorf("field %q is sent %d times", key, len(sent[key]))
		}
		form[name] = sent[key]
		if clears && property.Value.Type.Is(openapi3.TypeArray) {
			form[name] = []string{"-"} // the vendor's way to clear a list is beyond the file; kin-openapi would read null
		}
	}
	encoded := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(encoded)), int64(len(encoded))
	return nil
}

func (c *checker) response(ctx context.Context, input *openapi3filter.RequestValidationInput, answer *recorder) error {
	if answer.status == http.StatusTooManyRequests || answer.status >= http.StatusInternalServerError {
		return nil
	}
	if answer.status == http.StatusNoContent && answer.body.Len() > 0 {
		return fmt.Errorf("an answer without content has a body: %q", answer.body.String())
	}
	if operation := input.Route.Operation; answer.status < 300 && operation.Responses.Status(answer.status) == nil {
		return fmt.Errorf("the file knows no such success of this call")
	}
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input,
		Status:                 answer.status,
		Header:                 answer.Header(),
		Body:                   io.NopCloser(bytes.NewReader(answer.body.Bytes())),
		Options:                options(),
	})
}

// recorder keeps a copy of what is sent.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush and hijack.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
