// CERTIFICATES makes authorities and what they sign, on the fly, and keeps them in files of a directory of its own:
//
//   authority ca{"Test CA"};
//   certificate_files files;
//   const auto options = files.config(ca.issue("localhost"));
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include "runtime/config.hpp"

namespace greenroom::tests {

/// A certificate and its key, both PEM.
struct identity {
  std::string certificate, key;
};

class authority {
 public:
  explicit authority(std::string name)
      : name_{std::move(name)}, key_{make_key()}, own_{sign(name_, key_.get(), {}, true)} {}

  std::string pem() const { return text(own_.get()); }

  struct span {
    std::chrono::hours from{-1}, until{24};
  };
  identity issue(const std::string& name, span valid) const {
    const auto key = make_key();
    return {text(sign(name, key.get(), valid, false).get()), text(key.get())};
  }
  identity issue(const std::string& name) const { return issue(name, span{}); }

 private:
  using key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using certificate_ptr = std::unique_ptr<X509, decltype(&X509_free)>;

  static key_ptr make_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

  certificate_ptr sign(const std::string& name, EVP_PKEY* key, span valid, bool is_authority) const {
    certificate_ptr made{X509_new(), X509_free};
    static long serial = 0;
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), std::chrono::seconds{valid.from}.count());
    X509_gmtime_adj(X509_getm_notAfter(made.get()), std::chrono::seconds{valid.until}.count());
    X509_set_pubkey(made.get(), key);
    set_name(X509_get_subject_name(made.get()), name);
    set_name(X509_get_issuer_name(made.get()), name_);
    if (is_authority)
      extend(made.get(), NID_basic_constraints, "critical,CA:TRUE");
    else
      extend(made.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    if (X509_sign(made.get(), key_.get(), EVP_sha256()) == 0) throw std::runtime_error{"cannot sign"};
    return made;
  }
  static void set_name(X509_NAME* to, const std::string& name) {
    X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                               0);
  }
  static void extend(X509* what, int which, const char* value) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> made{
        X509V3_EXT_conf_nid(nullptr, nullptr, which, value), X509_EXTENSION_free};
    X509_add_ext(what, made.get(), -1);
  }
  template <class Write>
  static std::string written(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> to{BIO_new(BIO_s_mem()), BIO_free};
    write(to.get());
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(to.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }
  static std::string text(X509* what) {
    return written([&](BIO* to) { PEM_write_bio_X509(to, what); });
  }
  static std::string text(EVP_PKEY* what) {
    return written([&](BIO* to) { PEM_write_bio_PrivateKey(to, what, nullptr, nullptr, 0, nullptr, nullptr); });
  }

  std::string name_;
  key_ptr key_;
  certificate_ptr own_;
};

class certificate_files {
 public:
  certificate_files() {
    auto pattern = (std::filesystem::temp_directory_path() / "greenroom-tls-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error{"mkdtemp"};
    at_ = pattern;
  }
  ~certificate_files() { std::filesystem::remove_all(at_); }
  certificate_files(const certificate_files&) = delete;
  certificate_files& operator=(const certificate_files&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    const auto path = (at_ / name).string();
    std::ofstream{path + ".new"} << text;
    std::filesystem::rename(path + ".new", path);  // another inode: seen however coarse the file system's clock is
    return path;
  }
  runtime::tls_config config(const identity& mine) const {
    runtime::tls_config made;
    made.certificate = write("certificate.pem", mine.certificate);
    made.key = write("key.pem", mine.key);
    return made;
  }
  std::string path(const std::string& name) const { return (at_ / name).string(); }

 private:
  std::filesystem::path at_;
};

}  // namespace greenroom::tests
