/* A step of a Dockerfile in an image that has no shell: append, copy, print or wait. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int copy(const char *from, FILE *to)
{
	char data[4096];
	size_t length;
	FILE *file = fopen(from, "r");

	if (!file || !to)
		return 1;
	while ((length = fread(data, 1, sizeof(data), file)) > 0)
		fwrite(data, 1, length, to);
	fclose(file);
	return fflush(to) != 0;
}

int main(int count, char **words)
{
	if (count == 4 && !strcmp(words[1], "append")) {
		FILE *file = fopen(words[2], "a");

		return !file || fputs(words[3], file) < 0 || fclose(file);
	}
	if (count == 4 && !strcmp(words[1], "copy"))
		return copy(words[2], fopen(words[3], "w"));
	if (count == 3 && !strcmp(words[1], "print"))
		return copy(words[2], stdout);
	if (count == 3 && !strcmp(words[1], "wait"))
		return (int)sleep((unsigned int)atoi(words[2]));
	fputs("step append FILE TEXT | copy FROM TO | print FILE | wait SECONDS\n", stderr);
	return 2;
}
