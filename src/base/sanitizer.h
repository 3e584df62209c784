/* sanitizer.h: which sanitizer this build has, as numbers that code and #if can ask.
 * SPDX-License-Identifier: MIT
 *
 * gcc says it by a macro, clang by a feature.
 */
#ifndef LARDER_BASE_SANITIZER_H
#define LARDER_BASE_SANITIZER_H

#ifdef __has_feature
#define SANITIZER_FEATURE(name) __has_feature(name)
#else
#define SANITIZER_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SANITIZER_FEATURE(address_sanitizer)
#define SANITIZER_ADDRESS 1
#else
#define SANITIZER_ADDRESS 0
#endif

#if defined(__SANITIZE_THREAD__) || SANITIZER_FEATURE(thread_sanitizer)
#define SANITIZER_THREAD 1
#else
#define SANITIZER_THREAD 0
#endif

#endif
