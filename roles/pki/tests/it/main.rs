//! The authority as others see it: its output judged by OpenSSL, requests as OpenSSL makes them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests; helpers stand outside the test functions")]

mod openssl;
mod openssl_command;
mod request;
