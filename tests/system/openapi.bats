# The real server's answers against docs/openapi.yaml.

@test "the server's routes, answers and failures are what docs/openapi.yaml says" {
  [ -n "${CLAWDSPACE_TEST_BUILD:-}" ]
  [ -n "${DOCKER_HOST:-${CLAWDSPACE_TEST_ENGINE:-}}" ]
  DOCKER_HOST=${DOCKER_HOST:-$CLAWDSPACE_TEST_ENGINE} python3 "$BATS_TEST_DIRNAME/openapi_test.py"
}
