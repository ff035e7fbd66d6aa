# The dashboard in Chromium, before a real daemon. Pictures of it go into the build folder.

@test "the dashboard does what people expect of it, in light and dark, on a phone, and by the keyboard" {
  [ -n "${CLAWDSPACE_TEST_BUILD:-}" ]
  root=$BATS_TEST_DIRNAME/../..
  export CLAWDSPACE_TEST_NPM=$root/.state/npm/tests-dashboard CLAWDSPACE_TEST_SHOTS=$CLAWDSPACE_TEST_BUILD/dashboard
  timeout 180 node --test "$root/tests/dashboard/dashboard_test.mjs"
}
