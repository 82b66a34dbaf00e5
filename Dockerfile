# The engine alone, in production's shape. It holds no PostgreSQL: DATABASE_URL
# says where that is (docker-compose.yml runs one beside it).

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=development
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/cauri ./cmd/cauri

# No shell, no package manager, no root: user 65532.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/cauri /cauri
EXPOSE 8080
# The admin listener stays inside the container: health checks run there.
ENV CAURI_HTTP_ADDR=0.0.0.0:8080 \
    CAURI_ADMIN_ADDR=127.0.0.1:8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["/cauri", "doctor", "--ready"]
ENTRYPOINT ["/cauri"]
CMD ["serve"]
