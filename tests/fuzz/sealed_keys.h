/* Keys made once for this fuzzer: its corpus is sealed for them. They protect nothing. */
#ifndef FUZZ_SEALED_KEYS_H
#define FUZZ_SEALED_KEYS_H

static const struct {
    const char *certificate, *key;
} sealed_keys[] = {
    { /* p256 */
      "-----BEGIN CERTIFICATE-----\n"
      "MIIBlDCCATmgAwIBAgIUCcYApLA/1M3cwfbG7usrCOIs2mgwCgYIKoZIzj0EAwIw\n"
      "HjENMAsGA1UECgwERnV6ejENMAsGA1UEAwwEcDI1NjAgFw0yNjExMjgxOTA5MzRa\n"
      "GA8yMTI2MTEwNDE5MDkzNFowHjENMAsGA1UECgwERnV6ejENMAsGA1UEAwwEcDI1\n"
      "NjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABO9G/mUVaSgjkTbK6GulGhbmfrxI\n"
      "wRzTCcIRenRne5Y53HUX89pgpe+3JY1LO/Ush/Ul4NXtRqZ2HYbmAD3SGJ2jUzBR\n"
      "MB0GA1UdDgQWBBTRCSYi1KLSZd0BsLd60CuUCBR0VDAfBgNVHSMEGDAWgBTRCSYi\n"
      "1KLSZd0BsLd60CuUCBR0VDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kA\n"
      "MEYCIQDNbKdEB7bMd2vADivP7igKYj/Vjrm9ex0K00MBHUw9vwIhAMJmt+/GToyt\n"
      "NI1oKG0q1hMPhXPom0LPLF2qfGbUd0xJ\n"
      "-----END CERTIFICATE-----\n",
      "-----BEGIN PRIVATE KEY-----\n"
      "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+w7KLF2o3zjUqH9I\n"
      "bdj/mTDsZeBJG0PDCF9ijJZGz3ihRANCAATvRv5lFWkoI5E2yuhrpRoW5n68SMEc\n"
      "0wnCEXp0Z3uWOdx1F/PaYKXvtyWNSzv1LIf1JeDV7Uamdh2G5gA90hid\n"
      "-----END PRIVATE KEY-----\n" },
    { /* rsa */
      "-----BEGIN CERTIFICATE-----\n"
      "MIIDHTCCAgWgAwIBAgIUCOPUE25j4KfbLogC1kO/VxWDZH0wDQYJKoZIhvcNAQEL\n"
      "BQAwHTENMAsGA1UECgwERnV6ejEMMAoGA1UEAwwDcnNhMCAXDTI2MTEyODE5MDkz\n"
      "OVoYDzIxMjYxMTA0MTkwOTM5WjAdMQ0wCwYDVQQKDARGdXp6MQwwCgYDVQQDDANy\n"
      "c2EwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDwC+AG/8p4jPmRuIB4\n"
      "15RMtNrk8UP10Q4tNIgkf16UtiMvlbfYraoCqVgtVvU5sXHHDXkDHwkkZ4UVxnDn\n"
      "vtJPq5Uf53/G2U6z42345jLAJkjEzl5qc1ClAIePxsn5PxeArXOuVHL8DX9btNmH\n"
      "876FYXXrPYLEkTb5W8/ub489IAzWgDmtyOok1Vyb6P8/OkLpefWaqcuCsPmaUL5E\n"
      "ZZWB8LGmWa4MQk5i4MaIixcygE3O8VPfa7F7QEHOTOiX0zCdc/YNPNCTHfa6eig5\n"
      "6OpJU2EjYBlcglUo3LSFK1HMh+t+Al5x7zDRc7o93apoTV9fAr/OiylGJ3j6f214\n"
      "IZkHAgMBAAGjUzBRMB0GA1UdDgQWBBTj32nrYps1dVYuZsS+ZW8fv3tj9TAfBgNV\n"
      "HSMEGDAWgBTj32nrYps1dVYuZsS+ZW8fv3tj9TAPBgNVHRMBAf8EBTADAQH/MA0G\n"
      "CSqGSIb3DQEBCwUAA4IBAQBnSSiULJyiul4dnM8WJI1kEDujG4cFHrWOpwHx0sKL\n"
      "4xS0oZDfhwBU9a9mCM3su62+Q5L6CloBNtuqf9Z0djKqddzxhUAVzSOE3CU1bIxj\n"
      "vAOU8YSThEC5WqEcUAYAxLdL7ezAYpb5UqfXIr/5d9LNKFidGrBWMxYwjpXb8L+n\n"
      "jg5gKcXw9Vi4/l9fJNZc4z5n0AkQbIVvIwZ6JsgubhQfSoXiDuyHczoOPVd5SzWC\n"
      "QzORGEOTogom8ONL+RQWoisqpK5Fb7oQIVY4/CGG8AQdly8VXcu4ROPaWRvMZoeT\n"
      "2XCodL/7kcD8Y/1G5UWyBU7ir1EKN0HbNmt0SgctYQek\n"
      "-----END CERTIFICATE-----\n",
      "-----BEGIN PRIVATE KEY-----\n"
      "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDwC+AG/8p4jPmR\n"
      "uIB415RMtNrk8UP10Q4tNIgkf16UtiMvlbfYraoCqVgtVvU5sXHHDXkDHwkkZ4UV\n"
      "xnDnvtJPq5Uf53/G2U6z42345jLAJkjEzl5qc1ClAIePxsn5PxeArXOuVHL8DX9b\n"
      "tNmH876FYXXrPYLEkTb5W8/ub489IAzWgDmtyOok1Vyb6P8/OkLpefWaqcuCsPma\n"
      "UL5EZZWB8LGmWa4MQk5i4MaIixcygE3O8VPfa7F7QEHOTOiX0zCdc/YNPNCTHfa6\n"
      "eig56OpJU2EjYBlcglUo3LSFK1HMh+t+Al5x7zDRc7o93apoTV9fAr/OiylGJ3j6\n"
      "f214IZkHAgMBAAECggEABFR6geB6/aoGqxxpuNmj/lmOz0K+MpYcTDAej+X6RfLJ\n"
      "IgfF2AiTQKwJqqZfEwotNBAn/CiYU3Sd6nLOFj1oxsYgu6wYhR+Qs17+sgGDrdf4\n"
      "R7s0lHVTDD7nsxi8tkcZ50N5tY3RaymFKsQm3l8aXdvlsszFFJhNUQ8uai3PUXoU\n"
      "akME7u3O7LH4iE9UB1BQCmFH0kfee5mMJeN/CDtIBgFztC5ovEHVVelSZyRxAf8R\n"
      "MqiflxmUM7cOOeUdtshdXIQjp9ajcGOx64+F/Pz0FjcxUVqw1fdgHCq0/mH38plN\n"
      "goBBOKKLl9ZXFGaJgimy2CKnvajEFWmxGYJCNZP0xQKBgQD6kHFpk+VVmtUYvf1K\n"
      "GfZsd0VXMMiHudxAbqZLG48WSZJwVKK04guzvRcLZgben7wSDD2f6MkA65+LK1E1\n"
      "Yoej/stfnVxhgjddeo2kk7Av0OwUovs2oTMIcCViHNAZM7PPtXybyh4ZikS4Dnhs\n"
      "7+27Tk00DNfa9aFQoJRLflysvQKBgQD1QQTq5H4oVbC9y/okrMnXquiaCH+v9W8b\n"
      "Y/ldKpMYHZfiehO/Yb5vGpVdoN82WV04m5S34pqcpZaMWP4qscJVLBpGrb8rUMEj\n"
      "7oNCdv1pxK1rD61aaiEfINhGcRlII1TJ7ucyT82To+HTbhkR3StqEL7P8DivZjEW\n"
      "FNVJNPXTEwKBgQDFkAJ8doqK9uwy+Aqw1MvCNkDMQMC8k8WgYB5qdi5aKmR2gaVQ\n"
      "7jK/48Y5zJZ6DoShzlkArvFd8mr3to3vg+LjYdFFcLQYhi3VXP411+VBrn+WvfNJ\n"
      "3cx5SMORGprSZDvQ+I5p3/HfvW/1mCNH8d4Go/Snp8DC+o3ZHuQOqnG0GQKBgBLz\n"
      "WzXrQfRL6sQ/pqx+zXnksuR0E6m9BUDQkMwqJgOPBdVyKWR4YQakvzXk4FqKvTFK\n"
      "lEtBL0E7ak6d8cXKxoFeTwl3E3Z9Xu8v1uSj3SD3GY9UPsjlunl1SEDpLFLup/aS\n"
      "hzrT/8aQuzpjH3zJ4jjn4lae8UJcWx6hrXlipjwRAoGAcXlWlYonKckxGrC53GKg\n"
      "LcWQLr13E+cbOdndKHQ1VbPGwejlKb4Y/3jpnpBHSQcKSwdWbGEsbwa7pwYgRBTp\n"
      "fUDCXegPV8/4w4KPiFPyYoreh3+QGHyshSlPkRNcJnNLt4MULCKzTDXDwMPEC4T9\n"
      "rSMNp2MTXhlTkVsGFgAnEmk=\n"
      "-----END PRIVATE KEY-----\n" },
    { /* sm2 */
      "-----BEGIN CERTIFICATE-----\n"
      "MIIBkTCCATegAwIBAgIULZn0IUxyNo1rdB+gGbhU8ENxvnswCgYIKoEcz1UBg3Uw\n"
      "HTENMAsGA1UECgwERnV6ejEMMAoGA1UEAwwDc20yMCAXDTI2MTEyODE5MDkzOVoY\n"
      "DzIxMjYxMTA0MTkwOTM5WjAdMQ0wCwYDVQQKDARGdXp6MQwwCgYDVQQDDANzbTIw\n"
      "WTATBgcqhkjOPQIBBggqgRzPVQGCLQNCAARL4v0/P5yF9/9G78fIAO4dyKeL4o9g\n"
      "tAXAFyfTvU3/JzD1rHAojqK5odokqemw8snegJ48/PLbm/yxxEdIHQ45o1MwUTAd\n"
      "BgNVHQ4EFgQURsWyyOuUGEui3RhT6c/RFn0obVswHwYDVR0jBBgwFoAURsWyyOuU\n"
      "GEui3RhT6c/RFn0obVswDwYDVR0TAQH/BAUwAwEB/zAKBggqgRzPVQGDdQNIADBF\n"
      "AiBPVbzAfr/ysyt+HWn/IlMgXq1aKA3+PBBk8qQsRk8qJAIhALUH0RC0eeJKF5wz\n"
      "tpTg4W6T9m+ls2HWwfxFolgOSZIP\n"
      "-----END CERTIFICATE-----\n",
      "-----BEGIN PRIVATE KEY-----\n"
      "MIGHAgEAMBMGByqGSM49AgEGCCqBHM9VAYItBG0wawIBAQQgqjQ19pvnX5t8rQb3\n"
      "0Bx3F96xW+je0aCwhGVACxBSUR6hRANCAARL4v0/P5yF9/9G78fIAO4dyKeL4o9g\n"
      "tAXAFyfTvU3/JzD1rHAojqK5odokqemw8snegJ48/PLbm/yxxEdIHQ45\n"
      "-----END PRIVATE KEY-----\n" },
};

#endif
